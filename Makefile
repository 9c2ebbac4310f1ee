# Everything one does with this repository; `make help` lists it.

PYTHON ?= python3
PORT ?= 8000
NOTEBOOK ?= notebooks/*.ipynb
RUN ?= 04_images
SOLUTIONS ?= yes
VARIANT ?=

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -p no:cacheprovider -q
TWO := -n 2 --dist loadfile  # files side by side, in two processes
SOURCES := ntkbook book/tools tests benchmarks notebooks
# In this order: while one process builds the book, the other has what needs none; and
# what can be divided most finely comes last.
BOOK_TESTS := $(patsubst %,tests/test_%.py,book_build live_figures front_page lab paper \
	environment book_browser offline)
COLAB_TESTS := tests/test_colab_run.py
COURSE_TESTS := tests/test_course_grading.py
# Tests in the order given, in two processes; those that share something stay together.
GROUPS := -n 2 --dist loadgroup --no-loadscope-reorder
OFTEN := -m "not weekly"  # `make test-all` sets it to nothing
heading = @printf '\n== %s\n' '$(1)'

.NOTPARALLEL:
.PHONY: help book pdf sphinx serve lab test lint format execute answers run bench lock clean \
	environment colab-environment \
	course test-library test-notebooks test-book test-colab test-course test-course-all

help:  ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /	/' \
	| awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

book: environment  ## build the book into _build/html (makes the environment first)
	@$(BIN)/python book/tools/build.py $(if $(filter no,$(SOLUTIONS)),--without-solutions)

course: environment  ## write notebooks for students and graders (VARIANT=7 for others)
	@$(BIN)/python book/tools/course.py $(if $(VARIANT),--variant $(VARIANT))

pdf: book  ## print the built book into one PDF (needs Chromium), and offer it there
	@$(BIN)/python book/tools/pdf.py

# Without stamp or pins: what is newest today is the question.
sphinx: environment  ## build the same sources with the newest Sphinx (not in `make test`)
	@$(PYTHON) -m venv --clear .venv-sphinx
	@.venv-sphinx/bin/python -m pip install --quiet --upgrade pip
	@.venv-sphinx/bin/python -m pip install --quiet --group sphinx --editable .
	@.venv-sphinx/bin/python book/tools/plain_sphinx.py

serve: book  ## build it, and serve it at http://localhost:8000 (PORT=... for another)
	@echo "Open http://localhost:$(PORT) (Ctrl-C stops)."
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html >/dev/null 2>&1 \
	|| test $$? -eq 130 || { echo "Port $(PORT) is taken; try: make serve PORT=8001"; exit 1; }

lab: environment  ## open the chapters in JupyterLab
	@$(BIN)/python -m jupyter lab notebooks

test: lint test-library test-notebooks test-book test-colab test-course  ## run every check
	$(call heading,All checks passed.)

lint: environment  ## check style, imports and the notebooks' form
	$(call heading,Lint: style; imports; the notebooks)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Run: make format"; exit 1; }
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python book/tools/lint.py

# The import hook checks the shapes in every signature, which would answer bad input
# before the library's own messages can: those are tested without it.
test-library: environment
	$(call heading,Library: tests and the examples in docstrings)
	@$(PYTEST) $(TWO) tests ntkbook --doctest-modules \
		--jaxtyping-packages=ntkbook,beartype.beartype \
		--ignore=tests/test_bad_input.py $(addprefix --ignore=,$(BOOK_TESTS) $(COLAB_TESTS) $(COURSE_TESTS))
	$(call heading,Library: bad input)
	@$(PYTEST) tests/test_bad_input.py

test-notebooks: environment
	$(call heading,Chapters: run again and compared with their stored outputs)
	@$(PYTEST) $(TWO) --nbval notebooks

test-book: environment
	$(call heading,Book: built from clean; read in a browser; on paper)
	@$(PYTEST) $(GROUPS) $(OFTEN) $(BOOK_TESTS)

test-colab: environment colab-environment
	$(call heading,Colab: the generated notebooks on versions that Colab has)
	@$(BIN)/python book/tools/build.py
	@$(PYTEST) $(if $(OFTEN),,$(GROUPS)) $(OFTEN) $(COLAB_TESTS)

test-course: environment
	$(call heading,Course: submissions through both graders)
	@$(PYTEST) $(GROUPS) $(OFTEN) $(COURSE_TESTS)

test-course-all: environment colab-environment
	$(call heading,Course: every chapter through both graders and on Colab's versions)
	@$(BIN)/python book/tools/build.py
	@$(PYTEST) $(GROUPS) $(COURSE_TESTS) $(COLAB_TESTS)

format: environment  ## format the code and the notebooks
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format .

execute: environment  ## run the chapters and store their outputs (NOTEBOOK=... for one)
	@$(BIN)/python book/tools/execute.py $(NOTEBOOK)

answers: environment  ## collect the exercises' sealed answers out of the chapters
	@$(BIN)/python book/tools/seal.py

run: environment  ## repeat a long run and store its results (RUN=04_images)
	@$(BIN)/python notebooks/runs/$(RUN).py

bench: environment  ## time the library against its peers
	@$(BIN)/python -m benchmarks

lock:  ## pin the newest versions again, within pyproject.toml's bounds (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	uv pip compile $(LOCK) --group book --group test --group course -o requirements.txt pyproject.toml
	uv pip compile $(LOCK) --group colab -o tests/colab-requirements.txt

LOCK := --quiet --upgrade --universal --python-version 3.11 --no-annotate \
	--no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock (install with pip's --no-deps)"

clean:  ## remove the built book and the environments
	rm -rf _build .venv .venv-colab .venv-sphinx

environment:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here; on Debian: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) book/tools/environment.py

colab-environment:
	@$(PYTHON) book/tools/environment.py colab
