# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help setup setup-tools demo test lint unit unit-all sanity package docs report-test lab-test lanes effect faults \
	crashes crash-faults interrupted one-processor log-storm qualify readiness fleet campaign runner ports bench bench-fleet damage debuggers fuzz build clean distclean \
	configure targets platforms alerts

VENV := $(CURDIR)/.venv

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(VENV)/collections

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

setup: ## install what is missing: Debian packages, and Python tools in .venv/ (PYTHON=... names a Python)
	@tests/bootstrap --lab

setup-tools: # the same without what only the lab needs
	@tests/bootstrap

demo: setup ## the main job, on a virtual machine with real PCIe devices (ARGS=... are passed on)
	@python -m lab demo $(ARGS)

test: setup ## all of the following
	@tests/gate lint unit sanity package docs report-test lab-test

lint: setup-tools ## style, types, licenses, ansible-lint's production profile
	@tests/gate lint

unit: setup-tools ## unit tests, of target code on the oldest and the newest Python from 3.9 to 3.14 that are installed
	@tests/gate unit

unit-all: setup-tools ## the same, of target code on every Python that is installed
	@tests/gate unit-all

sanity: setup-tools ## ansible-test sanity
	@tests/gate sanity

package: setup-tools ## the tarball: galaxy-importer, installed on the oldest and the newest ansible-core
	@tests/gate package

docs: setup-tools ## the documentation as a site, in build/docsite/html/
	@tests/gate docs

report-test: setup ## reports of fleets in a real browser: screenshots in build/report, accessibility, no request
	@tests/gate report-test

lab-test: setup ## the collection at work on virtual machines that crash
	@tests/gate lab-test

configure: setup ## bring freshly installed guests without kdump to ready (ARGS=debian12-plain for one of them)
	@python -m lab configure $(ARGS)

targets: setup ## crash a guest that dumps to an NFS server, and to one over SSH; takes root (ARGS=nfs for one of them)
	@python -m lab targets $(ARGS)

lanes: setup ## crash and verify every kind of kdump image (ARGS=debian12 for one of them)
	@python -m lab lanes $(ARGS)

effect: setup ## DMA after a panic, without and with the reset: VT-d, AMD-Vi, SMMUv3, and FLR (ARGS='vtd-none vtd-quiesce')
	@python -m lab effect $(ARGS)

readiness: setup ## makes a guest unable to dump in every way, and looks whether that is said
	@python -m lab readiness $(ARGS)

faults: setup ## crashes with a reset helper that fails in every way
	@python -m lab faults $(ARGS)

crashes: setup ## ten crashes in a row of two machines at the same time, for each stage (ARGS=initramfs for one)
	@python -m lab crashes $(ARGS)

crash-faults: setup ## crashes that leave no dump or no good one, and what is said of each (ARGS=disk-full for one)
	@python -m lab crash-faults $(ARGS)

interrupted: setup ## controllers that end in the middle of a crash test, two at once, a host that crashes again
	@python -m lab interrupted $(ARGS)

fleet: setup ## two machines, one of which fails: the play stops, then both at once, and their report
	@python -m lab fleet $(ARGS)

campaign: setup ## four machines in one play: protected, outside of its window, with a stale proof, without a dump
	@python -m lab campaign $(ARGS)

one-processor: setup ## crash a machine with one processor, which may hang, and see that the hang is named
	@python -m lab one-processor $(ARGS)

log-storm: setup ## crash a machine whose kernel log is flooded after the run id: the boot id tells whose dump it is
	@python -m lab log-storm $(ARGS)

qualify: setup ## what each stage of the reset adds to a crash, by the playbook qualify (ARGS='--rounds 5' for more)
	@python -m lab qualify $(ARGS)

ports: setup ## how long 64 ports take to reset, against the slowest one of them (ARGS=normal-kernel without a crash)
	@python -m lab ports $(ARGS)

runner: setup ## the playbooks as AWX runs them, with a job that is cancelled after the panic
	@python -m lab runner $(ARGS)

bench: setup-tools ## time and memory of the PCIe facts against lspci's, of dumps with ARGS='dumps [DUMP...]', of copies with ARGS=copying
	@python -m bench $(ARGS)

bench-fleet: setup-tools ## 1000 hosts assessed and reported, against one ping of them (ARGS=--hosts=100 for fewer)
	@python -m bench fleet $(ARGS)

damage: setup-tools ## a thousand damaged variants of each dump in DUMPS=..., and what is said of them
	@python -m damage $(ARGS) $(DUMPS)

debuggers: setup-tools ## what is said of each dump in DUMPS=..., and whether drgn opens it with VMLINUX=... (GAPS=1: and what lacks)
	@python -m damage.debuggers --vmlinux "$(VMLINUX)" $(if $(GAPS),--gaps) $(ARGS) $(DUMPS)

platforms: setup-tools ## docs/evidence/platforms.md: what is decided on real machines
	@python -m machines page

alerts: # docs/monitoring/alerts.yml, tested with promtool of the Debian package prometheus
	@cd docs/monitoring && promtool check rules alerts.yml && promtool test rules alerts_test.yml

# TARGET=shell edits files for shells instead, and lets bash read them.
fuzz: setup-tools # the parsers of dumps with atheris, which is installed for it; TARGET=..., SECONDS=...
	@[ "$(TARGET)" = shell ] || pip install --quiet atheris
	@python -m fuzz $(TARGET) $(SECONDS)

.PHONY: file-sets
file-sets: setup-tools ## docs/evidence/file-sets.md: what is made of real files of kdump
	@python -m ansible_collections.vmcore.kdump.tests.unit.file_sets

.PHONY: compare
compare: setup-tools ## the facts of DUMPS=... (lspci -xxxx, acpidump, trees of hosts) against what lspci and iasl say of them
	@python -m machines compare $(DUMPS)

build: setup-tools ## build/vmcore-kdump-<version>.tar.gz, for ansible-galaxy
	@rm -f build/vmcore-kdump-*.tar.gz
	@ansible-galaxy collection build --output-path build

clean: ## end the lab's machines; remove logs, caches, results and what was built
	if [ -d build/lab ]; then python -m lab down; fi
	rm -rf build .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## and the Python tools
	rm -rf .venv
