# The two commands of a newcomer: `make dev` and `make test`.
.DEFAULT_GOAL := help
INSTALLED := node_modules/.package-lock.json
VITEST := npx vitest run
DATABASE := node infra/local/dist/database.js

.PHONY: help
help:
	@echo "make dev         Postgres, control plane and data plane in the foreground; Ctrl-C ends them"
	@echo "make test        every test; reports in reports/"
	@echo "make test-drivers real clients of other languages, installed in .cache/ as far as this machine can"
	@echo "make check       format, lint, types, unit and architecture tests"
	@echo "make build       compile everything"
	@echo "make db_start    the embedded Postgres by itself    make db_stop   ends it"
	@echo "make db_migrate  the control plane's migrations"
	@echo "make bench_api   the API with 10,000 tenants; figures in reports/bench-api.json"
	@echo "make import_supavisor   tenants of a Supavisor, see docs/moving-in.md"
	@echo "make clean       remove what was compiled; data/ stays"

.PHONY: node_version
node_version:
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 19)) { console.error("Node 20.19 or newer is needed, this is " + process.versions.node); process.exit(1); }'

$(INSTALLED): package-lock.json | node_version
	@echo "• installing packages (npm ci) ..."
	@npm ci --no-progress --loglevel=error

.PHONY: build
build: node_version $(INSTALLED)
	@echo "• building ..."
	@npm run --silent build

.PHONY: dev
dev: build
	@exec node infra/local/dist/dev.js

.PHONY: db_start
db_start: build
	@$(DATABASE) start

.PHONY: db_migrate
db_migrate: build
	@$(DATABASE) migrate

.PHONY: db_stop
db_stop: build
	@$(DATABASE) stop

API ?= http://127.0.0.1:4000
MODE ?= dry-run

.PHONY: import_supavisor
import_supavisor: build
	@node control-plane/dist/commands/import-supavisor.js --api $(API) --mode $(MODE)

.PHONY: check
check: build
	@npm run --silent lint
	@$(VITEST) --project unit --project architecture

.PHONY: test-drivers
test-drivers: build
	@$(VITEST) --config vitest.drivers.config.ts --reporter=verbose

.PHONY: test
test: build
	@mkdir -p reports
	@$(VITEST) --reporter=default --reporter=json --outputFile.json=reports/vitest.json

.PHONY: bench_api
bench_api: build
	@node test/dist/benchmark/api.js

.PHONY: clean
clean:
	rm -rf reports shared/dist control-plane/dist data-plane/dist infra/local/dist test/dist
