# The two commands of a newcomer: `make dev` and `make test`.
.DEFAULT_GOAL := help
INSTALLED := node_modules/.package-lock.json
VITEST := npx vitest run
DATABASE := node infra/local/dist/database.js

.PHONY: help
help:
	@echo "make dev         Postgres, control plane and data plane in the foreground; Ctrl-C ends them"
	@echo "make test        every test; reports in reports/"
	@echo "make test-again  the files that failed in the last run, once more"
	@echo "make test-drivers real clients of other languages, installed in .cache/ as far as this machine can"
	@echo "make test-copy   \\\\copy of 1 GB through a data plane in both modes, with its memory watched; COPY_MB chooses"
	@echo "make test-images  the container images, built and run where buildah and podman are"
	@echo "make deploy-tools helm, compose's loader and a strict check of manifests into .cache/tools, by Go; make test uses them"
	@echo "make chaos       everything breaks while clients work: SECONDS=600 SEED=7"
	@echo "make check       format, lint, types, unit and architecture tests"
	@echo "make build       compile everything"
	@echo "make db_start    the embedded Postgres by itself    make db_stop   ends it"
	@echo "make db_migrate  the control plane's migrations"
	@echo "make bench       the product beside PgBouncer and Postgres, about half an hour; results in test/benchmark/results/"
	@echo "make bench-quick a short look, under three minutes; BENCH='throughput tail' chooses"
	@echo "make profile     where a data plane's time goes under LOAD=simple, prepared, tls, logins ..."
	@echo "make soak        every kind of load by turns for MINUTES=60: memory, files and servers must not grow"
	@echo "make bench_api   the API with 10,000 tenants; figures in reports/bench-api.json"
	@echo "make bench_tenants  memory of a worker for tenants that nobody uses"
	@echo "make bench_deltas  a change among 100,000 tenants, and a start from disk with them"
	@echo "make bench_propagation   a change's way to 100 and 1,000 subscribers, and the control plane's memory"
	@echo "make import_supavisor   tenants of a Supavisor, see docs/moving-in.md"
	@echo "make bench_terraform    times of a hundred tenants in Terraform; figures in reports/terraform-plan.json"
	@echo "make terraform_install  the Terraform provider into MIRROR (~/.terraform.d/plugins), see terraform/README.md"
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

MIRROR ?= $(HOME)/.terraform.d/plugins

.PHONY: bench_terraform
bench_terraform: build
	@$(VITEST) --config vitest.terraform.config.ts

.PHONY: terraform_install
terraform_install: build
	@node terraform/provider/dist/commands/install.js "$(MIRROR)"

.PHONY: check
check: build
	@npm run --silent lint
	@$(VITEST) --project unit --project architecture

.PHONY: test-drivers
test-drivers: build
	@$(VITEST) --config vitest.drivers.config.ts --reporter=verbose

# Beside what is to be read: which files failed, and what a run that stands still was doing.
REPORTERS := --reporter=default --reporter=json --reporter=./test/support/stuck-files.ts --reporter=./test/support/failed-files.ts

.PHONY: test
test: build
	@mkdir -p reports
	@$(VITEST) $(REPORTERS) --outputFile.json=reports/vitest.json

.PHONY: test-again
test-again: build
	@$(VITEST) $(REPORTERS) --outputFile.json=reports/vitest-again.json $$(cat reports/failed-files.txt)

BENCH ?=

.PHONY: bench
bench: build
	@node test/dist/benchmark/main.js $(BENCH)

.PHONY: bench-quick
bench-quick: build
	@node test/dist/benchmark/main.js --quick $(BENCH)

LOAD ?= simple

.PHONY: profile
profile: build
	@node test/dist/benchmark/profile.js $(LOAD)

MINUTES ?= 60

.PHONY: soak
soak: build
	@node test/dist/benchmark/soak.js $(MINUTES)

.PHONY: bench_tenants
bench_tenants: build
	@node test/dist/benchmark/alone.js many-tenants

.PHONY: bench_deltas
bench_deltas: build
	@node test/dist/benchmark/alone.js one-change start-from-disk $(if $(QUICK),--quick)

.PHONY: bench_propagation
bench_propagation: build
	@node test/dist/benchmark/alone.js propagation $(if $(QUICK),--quick)

SECONDS ?= 600
SEED ?=

.PHONY: chaos
chaos: build
	@CHAOS_SECONDS=$(SECONDS) CHAOS_SEED=$(SEED) $(VITEST) --reporter=verbose test/end-to-end/chaos

.PHONY: deploy-tools
deploy-tools:
	@mkdir -p .cache/tools
	GOBIN=$(CURDIR)/.cache/tools go install helm.sh/helm/v3/cmd/helm@v3.17.3
	GOBIN=$(CURDIR)/.cache/tools go install github.com/compose-spec/compose-go/v2/cmd@v2.16.2
	mv .cache/tools/cmd .cache/tools/compose-spec
	cd test/helm/strict && go build -o $(CURDIR)/.cache/tools/strict-manifests .

COPY_MB ?= 1024

.PHONY: test-copy
test-copy: build
	@COPY_MB=$(COPY_MB) $(VITEST) --project end-to-end test/end-to-end/applications/postgres-tools.test.ts -t 'copy of'

.PHONY: test-images
test-images: build
	@$(VITEST) --config vitest.images.config.ts --reporter=verbose

.PHONY: bench_api
bench_api: build
	@node test/dist/benchmark/api.js

.PHONY: clean
clean:
	rm -rf reports shared/dist control-plane/dist data-plane/dist infra/local/dist terraform/provider/dist test/dist
