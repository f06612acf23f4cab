# make walk ARGS="--steps 20000 --seed 3"    watch it learn (dynsyn walk --help)
# make train ARGS="--until-solved"           train a fleet headless (dynsyn train --help)
# make test ARGS="-k learner"                run every test
# make gif                                   film the pretrained weights, for the README
# make bench                                 print the ratios of the time budgets
# make soak                                  run a campaign of faults against the nodes, 10 minutes
# make looking                               measure how a dashboard or a recording slows a walk
# make realtime                              measure latency and jitter of the controller, 14 minutes
# make coverage                              list the lines of the learner that none of its tests runs
# make docs                                  build the docs as HTML, in docs/_build
# make screenshot, make tables               make the generated parts of docs/
# make lint, make test-kilted, make lock, make clean
# make                                       print these lines

PYTHON ?= python3
VENV ?= .venv
DISTRO ?= wheels
CONSTRAINTS ?= constraints.txt
ARGS ?=
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.DEFAULT_GOAL = help
.PHONY: help walk train test gif bench soak looking realtime coverage docs tables screenshot lint test-kilted lock clean

help:
	@sed -n 's/^# //p; /^$$/q' Makefile

walk: $(READY)
	$(BIN)/dynsyn walk $(ARGS)

train: $(READY)
	$(BIN)/dynsyn train $(ARGS)

# Compile once first, so that the test processes do not all compile the same code.
test: $(READY)
	$(BIN)/python -m compileall -q dynsyn_ros
	$(BIN)/dynsyn compile
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile \
	  --no-loadscope-reorder $(ARGS)

gif: $(READY)
	$(BIN)/dynsyn evaluate bipedal_walker --episodes 1 --video docs/walk.gif

bench: $(READY)
	$(BIN)/python benchmarks/budgets.py $(ARGS)

soak: $(READY)
	$(BIN)/python benchmarks/soak.py $(ARGS)

looking: $(READY)
	$(BIN)/python benchmarks/looking.py $(ARGS)

realtime: $(READY)
	$(BIN)/python benchmarks/realtime.py $(ARGS)

# The lines of the learner that none of its tests runs. The kernels first run as plain Python, because coverage
# cannot see into compiled code.
COVER = $(BIN)/python -m pytest --quiet --numprocesses 2 --cov dynsyn_ros.learner --cov-report=
coverage: $(READY)
	NUMBA_DISABLE_JIT=1 $(COVER) test/test_learner.py test/test_oscillators.py
	$(COVER) --cov-append $(addprefix test/test_, \
	  learner.py reward_prediction.py robot.py weights.py reconfigure.py)
	$(BIN)/coverage report --show-missing --fail-under 100

docs: $(READY)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build/html

tables: $(READY)
	$(BIN)/python docs/tables.py

# The picture of the dashboard for the README, made by a test.
screenshot: $(READY)
	$(BIN)/python -m pytest --quiet test/test_dashboard_page.py -k page_shows --screenshot docs/dashboard.png

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache --no-logo

# The same tests on the next ROS distribution, in a separate environment.
test-kilted:
	$(MAKE) test VENV=.venv-kilted DISTRO=wheels-kilted CONSTRAINTS=constraints-kilted.txt

# Pin all packages again, for every supported Python.
lock: $(READY)
	$(BIN)/pip install uv
	for distro in wheels:constraints wheels-kilted:constraints-kilted; do \
	  $(BIN)/uv pip compile --universal --python-version 3.10 --no-header --no-annotate --quiet \
	    --extra $${distro%%:*} --extra test setup.py -o $${distro##*:}.txt || exit 1; \
	done

clean:
	rm -rf .venv .venv-kilted

$(READY): setup.py $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "dynsyn_ros needs Python 3.10 or later, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$(DISTRO),test]'
	touch $@
