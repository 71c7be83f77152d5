# The two commands of a newcomer: `make dev` and `make test`.
.DEFAULT_GOAL := help
INSTALLED := node_modules/.package-lock.json
VITEST := npx vitest run

$(INSTALLED): package-lock.json
	@echo "installing packages (npm ci)"
	@npm ci --no-progress --loglevel=error

.PHONY: help
help:
	@echo "make build   compile everything"
	@echo "make check   format, lint, types, unit and architecture tests"
	@echo "make test    every test; reports in reports/"

.PHONY: build
build: $(INSTALLED)
	@npm run --silent build

.PHONY: check
check: build
	@npm run --silent lint
	@$(VITEST) --project unit --project architecture

.PHONY: test
test: build
	@mkdir -p reports
	@$(VITEST) --reporter=default --reporter=json --outputFile.json=reports/vitest.json
