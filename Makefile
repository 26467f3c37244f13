# `make demo` and `make test` set up all they need. Everything else assumes nothing either.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
VOXMESH := $(BIN)/voxmesh

.PHONY: demo test torture fuzz train lint clean

demo: $(VENV)/viewer.done
	$(VOXMESH) demo

test: $(VENV)/dev.done
	$(BIN)/python -m pytest

# Every fault for real, one after another; prints a table. Some quarter of an hour.
torture: $(VENV)/dev.done
	$(BIN)/python benchmarks/torture.py

# Sound, bundles, configurations and messages of every sort, CASES of them and other ones each time: some 20 minutes.
CASES ?= 100000
fuzz: $(VENV)/dev.done
	VOXMESH_FUZZ_EXAMPLES=$(CASES) $(BIN)/python -m pytest --timeout 0 --hypothesis-show-statistics \
		tests/test_fuzz.py tests/test_wire.py

# The shipped bundles, redone from nothing: some two and a half hours on two quiet cores. Every stage resumes.
train: $(VENV)/dev.done
	$(VOXMESH) talker make -o data/train --clips 5000 --seed 1 --moods --workers 2
	$(VOXMESH) talker make -o data/test --clips 60 --seed 2 --split test
	$(VOXMESH) train prepare runs/default --data data/train
	$(VOXMESH) train audio runs/default
	$(VOXMESH) train codes runs/default
	$(VOXMESH) train context runs/default
	$(VOXMESH) train decoder runs/default
	$(VOXMESH) export runs/default -o stream/default_bundle
	$(VOXMESH) train context runs/default --lookahead-ms 0
	$(VOXMESH) train decoder runs/default --lookahead-ms 0
	$(VOXMESH) export runs/default --lookahead-ms 0 --no-torchscript -o stream/instant_bundle
	$(BIN)/python -m voxmesh.model.evaluate runs/default --data data/test

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build *.egg-info demo.mp4 demo.png demo.npz

$(VENV)/viewer.done: pyproject.toml .ci/constraints.txt .ci/system-packages.sh
	sh .ci/system-packages.sh viewer
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c .ci/constraints.txt -e '.[viewer,gltf]'
	touch $@

$(VENV)/dev.done: pyproject.toml .ci/constraints.txt .ci/system-packages.sh
	sh .ci/system-packages.sh dev
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c .ci/constraints.txt -e '.[viewer,gltf,train,dev]'
	touch $@
