# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything a build or a test needs is made on demand in CACHE, outside the checkout.
PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dbfleet-tools
LAB := tests/lab/lab
export PYTHONDONTWRITEBYTECODE := 1

# What "make test" runs, in this order. "b:a": without a passed, b is not tried. "b+c": side by side.
PHASES ?= lint docs-lint units sanity package+lab molecule:lab+sample:lab

.PHONY: help test lint docs-lint units sanity package lab molecule sample faults bench demo format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' Makefile | awk -F'|' '{ printf "%-10s %s\n", $$1, $$2 }'

test: ## everything CI runs, with a table of timings (PHASES="lint units" for fewer)
	@$(PYTHON) tests/tools/phases.py $(PHASES)

lint: ## ruff, mypy, yamllint, shellcheck, ansible-lint
	@$(PYTHON) tests/tools/lint.py

docs-lint: ## plugin and role documentation, changelog fragments
	@$(PYTHON) tests/tools/docs_lint.py

units: ## unit tests on every Python (PYTHONS="3.11", TESTS="tests/unit/...")
	@$(PYTHON) tests/tools/units.py

sanity: ## ansible-test sanity on every ansible-core (CORES="2.19")
	@$(PYTHON) tests/tools/sanity.py

package: ## build, import as Galaxy does, install, show every plugin's documentation
	@$(PYTHON) tests/tools/package.py

lab: ## what the scenarios run on: packages, images
	@$(LAB) setup
	@$(LAB) build

molecule: lab ## every Molecule scenario (SCENARIO="influxdb")
	@$(PYTHON) tests/tools/molecule.py

sample: lab ## one fault of each kind on real nodes
	@tests/faults/run -m sample

faults: lab ## every fault: upgrades that are killed, cut off and broken on purpose (hours)
	@$(LAB) check
	@tests/faults/run

bench: lab ## how long upgrades and proofs take
	@tests/bench/run

demo: lab ## one upgrade from end to end, to watch
	@tests/tools/demo

format: ## let ruff format the Python code
	@$(PYTHON) tests/tools/lint.py --format

clean: ## remove the lab and the tool environments
	@[ ! -x $(LAB) ] || $(LAB) clean
	rm -rf -- "$(CACHE)"
