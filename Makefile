# Everything one does with this repository; `make help` lists it.

PYTHON ?= python3
PORT ?= 8000
NOTEBOOK ?= notebooks/*.ipynb
RUN ?= 04_images
SOLUTIONS ?= yes
VARIANT ?=
REPLACE ?=
NAME ?=
MODULE ?=
ONLY ?=

BIN := .venv/bin
# The tests run in two processes, so each gets one thread of LAPACK's: with more, the threads
# of one wait for those of the other, spinning, and an eigendecomposition takes ten times
# the CPU.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -p no:cacheprovider -q
# What JAX has compiled once serves all tests and chapters: by default it keeps only what
# took longer than a second, and the tests compile thousands of small functions.
WITH_CACHE := JAX_COMPILATION_CACHE_DIR=$(CURDIR)/_build/jax \
	JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
	JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
# Which test runs which function, for `make check`: .testmondata, which also needs pytest's
# cache. To record it takes a fifth of the tests' time, so `make test` does not.
TESTMON := $(WITH_CACHE) OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q
# Tests and chapters compile much and compute little, so they are compiled in less time:
# by XLA's older code generator, the chapters without LLVM's last level of optimisation
# (which takes five times the time for each use of random numbers), and the tests without
# any. `make test-all` also runs them all as a reader does. Which of the flags a release has is
# asked: one that it does not know, or a blank, would end every process that starts JAX.
QUICK := --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1
# All at once, or else one by one.
starts = $(shell XLA_FLAGS="$(1)" $(BIN)/python -c "import jax; jax.devices()" \
	2>/dev/null && echo "$(1)")
KNOWN = $(or $(call starts,$(QUICK)),$(foreach flag,$(QUICK),$(call starts,$(flag))))
# Nor does JAX note where in the code each operation stands.
QUICKLY = JAX_INCLUDE_FULL_TRACEBACKS_IN_LOCATIONS=0 \
	XLA_FLAGS="$(strip $(XLA_FLAGS) $(KNOWN) $(1))"
NEARLY = $(call QUICKLY,--xla_backend_optimization_level=2)
LIGHTLY = $(call QUICKLY,--xla_backend_optimization_level=0 \
	--xla_llvm_disable_expensive_passes=true)
# Longer than any cell takes on a busy machine; a kernel that died would answer never.
NBVAL := --nbval --nbval-cell-timeout 400
TWO := -n 2 --dist loadfile  # files side by side, in two processes
SOURCES := ntkbook book/tools tests benchmarks notebooks
# In this order: while one process builds the book, the other has what needs none; and
# what can be divided most finely comes last.
SITE_TESTS := tests/site/test_book_build.py tests/site/test_addresses.py \
	$(patsubst %,tests/site/figures/test_%.py,live_figures front_page_mathematics) \
	tests/project/test_environment.py tests/site/test_live.py \
	$(filter-out %/test_book_page.py,$(wildcard tests/site/playground/test_*.py)) \
	tests/site/playground tests/site/figures $(patsubst %,tests/site/pages/test_%.py,comfort slides paper \
	book_browser offline)
COLAB_TESTS := tests/notebooks/test_colab_run.py
GRADING_TESTS := $(patsubst %,tests/course/%.py,grading/test_grading \
	exercises/test_otter containment/test_hostile containment/test_limits \
	test_instructors_page grading/test_every_chapter)
PROJECTS := $(wildcard notebooks/P*.ipynb) notebooks/your_network.ipynb
CHAPTERS := $(filter-out $(PROJECTS),$(wildcard notebooks/*.ipynb))
SLOW_TESTS := tests/site $(SITE_TESTS) $(COLAB_TESTS) $(GRADING_TESTS)
# The docstrings last: they can be divided most finely.
LIBRARY_TESTS := tests ntkbook --doctest-modules $(addprefix --ignore=,$(SLOW_TESTS))
RECORD = $(LIGHTLY) $(TESTMON) $(TWO) --testmon $(LIBRARY_TESTS)
CHANGED = $(shell git diff --name-only --diff-filter=d \
	$$(git merge-base HEAD main 2>/dev/null || echo HEAD) -- 'notebooks/*.ipynb'; \
	git ls-files --others --exclude-standard -- 'notebooks/*.ipynb')
STAGES := environment lint test-library test-notebooks test-book test-course
MORE := types test-readers test-colab test-types test-weekly
# Tests in the order given, in two processes; those that share something stay together.
GROUPS := -n 2 --dist loadgroup --no-loadscope-reorder
has_python = @command -v $(PYTHON) >/dev/null || { \
	echo "There is no $(PYTHON) here; on Debian: apt-get install python3 python3-venv"; exit 1; }
heading = @printf '\n== %s\n' '$(1)'

# Some containers ask Python to keep no bytecode; each of the hundreds of processes here
# would compile all that it imports anew, which takes it seconds.
unexport PYTHONDONTWRITEBYTECODE

.NOTPARALLEL:
.PHONY: help types book course pdf sphinx serve live lab check record test test-all matrix lint format \
	execute chapter answers posters run bench lock clean environment colab-environment test-library \
	test-notebooks test-projects test-readers test-book test-colab test-course test-types \
	test-weekly

help:  ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /	/' \
	| awk -F '\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

book: environment  ## build the book into _build/html (makes the environment first)
	@$(BIN)/python -m book.tools.site.build $(if $(filter no,$(SOLUTIONS)),--without-solutions)

course: environment  ## write notebooks for students and graders (VARIANT=7 for others)
	@$(BIN)/python -m book.tools.course.generate $(if $(VARIANT),--variant $(VARIANT)) \
		$(if $(filter yes,$(REPLACE)),--replace)

pdf: book  ## print the built book into one PDF (needs Chromium), and offer it there
	@$(BIN)/python -m book.tools.site.pdf

# Without stamp or pins: what is newest today is the question.
sphinx: environment  ## build the same sources with the newest Sphinx (not in `make test`)
	@$(PYTHON) -m venv --clear .venv-sphinx
	@.venv-sphinx/bin/python -m pip install --quiet --upgrade pip
	@.venv-sphinx/bin/python -m pip install --quiet --group sphinx --editable .
	@.venv-sphinx/bin/python -m book.tools.site.plain_sphinx

serve: book  ## build it, and serve it at http://localhost:8000 (PORT=... for another)
	@echo "Open http://localhost:$(PORT) (Ctrl-C stops)."
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html >/dev/null 2>&1 \
	|| test $$? -eq 130 || { echo "Port $(PORT) is taken; try: make serve PORT=8001"; exit 1; }

live: book  ## the same while you write: an edited page is built and loaded again
	@$(BIN)/python -m book.tools.site.live --port $(PORT)

lab: environment  ## open the chapters in JupyterLab
	@$(BIN)/python -m jupyter lab notebooks

check: lint types  ## quick: style, types, and the tests and chapters that your changes concern
	$(call heading,Tests of what changed)
	@if [ -e .testmondata ]; then $(RECORD) || test $$? -eq 5; \
	else tests=$$($(BIN)/python -m book.tools.near); \
		[ -z "$$tests" ] || $(LIGHTLY) $(WITH_CACHE) $(PYTEST) $(TWO) --doctest-modules $$tests \
		$(addprefix --ignore=,$(SLOW_TESTS)) || test $$? -eq 5; fi  # 5: none to run
	$(if $(strip $(CHANGED)),$(call heading,Chapters that changed))
	@$(if $(strip $(CHANGED)),$(NEARLY) $(WITH_CACHE) $(PYTEST) $(TWO) $(NBVAL) $(CHANGED))

# The first time all tests of the library, then those that run what has changed.
record: environment  ## from now on, `make check` runs all library tests that a change concerns
	@$(RECORD) || test $$? -eq 5  # 5: none to run

test:  ## run every check, except those of test-all; 20 to 25 minutes on 2 cores
	$(has_python)
	@MAKE=$(MAKE_COMMAND) $(PYTHON) -m book.tools.stages $(STAGES)

test-all:  ## run every check there is: before a tag, and weekly
	$(has_python)
	@MAKE=$(MAKE_COMMAND) $(PYTHON) -m book.tools.stages $(STAGES) $(MORE)

matrix:  ## run the tests on every Python, JAX and processor promised (ONLY=... for some)
	$(has_python)
	@$(PYTHON) -m book.tools.matrix $(ONLY)

lint: environment  ## check style, imports, the notebooks' form and the wording
	$(call heading,Lint: style; imports; the notebooks; the wording)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Run: make format"; exit 1; }
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m book.tools.notebooks.lint
	@$(BIN)/python -m book.tools.language

types: environment  ## check the types that the library states
	$(call heading,Types)
	@$(BIN)/basedpyright

test-library: environment  ## a part of test: the library, and its docstrings' examples
	$(call heading,Library: tests and the examples in docstrings)
	@$(LIGHTLY) $(WITH_CACHE) $(PYTEST) $(GROUPS) $(LIBRARY_TESTS)

# An import hook checks the shapes that signatures state. It would answer bad input before
# the library's own messages can, so it checks the calls that docstrings show.
test-types: environment
	$(call heading,Library: the shapes that its signatures state)
	@$(LIGHTLY) $(WITH_CACHE) $(PYTEST) $(TWO) ntkbook --doctest-modules \
		--jaxtyping-packages=ntkbook,beartype.beartype

test-notebooks: environment  ## a part of test: the chapters, against their outputs
	$(call heading,Chapters: run again and compared with their stored outputs)
	@$(NEARLY) $(WITH_CACHE) $(PYTEST) $(TWO) $(NBVAL) $(CHAPTERS)

test-projects: environment
	$(call heading,Projects: run again and compared with their stored outputs)
	@$(NEARLY) $(WITH_CACHE) $(PYTEST) $(TWO) $(NBVAL) $(PROJECTS)

test-readers: environment
	$(call heading,Chapters and projects: compiled as a reader compiles them)
	@$(PYTEST) $(TWO) $(NBVAL) notebooks

test-book: environment  ## a part of test: the built book, in a browser and on paper
	$(call heading,Book: built from clean; read in a browser; on paper)
	@$(LIGHTLY) $(WITH_CACHE) $(PYTEST) $(GROUPS) $(SITE_TESTS)

test-colab: environment colab-environment
	$(call heading,Colab: a generated notebook on the versions that Colab has)
	@$(BIN)/python -m book.tools.site.build
	@$(PYTEST) $(COLAB_TESTS)

test-course: environment  ## a part of test: submissions from hand-out to marks
	$(call heading,Course: submissions from hand-out to marks)
	@$(PYTEST) $(GROUPS) $(GRADING_TESTS)

test-weekly: environment colab-environment
	$(call heading,Weekly: all pages; all of Colab and the course; new cases at random)
	@$(BIN)/python -m book.tools.site.build
	@$(PYTEST) $(GROUPS) --weekly -m weekly tests
	@HYPOTHESIS_PROFILE=weekly $(WITH_CACHE) $(PYTEST) $(TWO) --weekly -m hypothesis tests

format: environment  ## format the code and the notebooks
	@$(BIN)/ruff check --quiet --fix --exit-zero .
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --quiet .

execute: environment  ## run the chapters and store their outputs (NOTEBOOK=... for one)
	@$(BIN)/python -m book.tools.notebooks.execute $(NOTEBOOK)

chapter: environment  ## start a chapter: NAME=10_foretelling (MODULE=foretell)
	@$(BIN)/python -m book.tools.notebooks.new_chapter "$(NAME)" "$(MODULE)"

answers: environment  ## collect the exercises' sealed answers out of the chapters
	@$(BIN)/python -m book.tools.notebooks.answers

posters: environment  ## draw the still pictures of figures that compute in the page
	@$(BIN)/python -m book.tools.site.posters

run: environment  ## repeat a long run and store its results (RUN=04_images)
	@$(BIN)/python -m notebooks.runs.$(RUN)

bench: environment  ## time the library against its peers
	@$(BIN)/python -m benchmarks

lock:  ## pin the newest versions again, within pyproject.toml's bounds (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	uv pip compile $(LOCK) --group book --group test --group course -o requirements.txt pyproject.toml
	uv pip compile $(LOCK) --group colab -o tests/notebooks/colab-requirements.txt
	uv pip compile $(LOCK) --group book --group test --group course --group colab-jax \
		-o tests/notebooks/colab-jax-requirements.txt pyproject.toml

# Without what jsonschema would check internationalised addresses with: it builds 38
# grammars at each import, which costs every process of Jupyter two seconds, and none of
# them has such addresses to check.
LOCK := --quiet --upgrade --universal --python-version 3.11 --no-annotate \
	--generate-hashes --no-emit-index-url --no-emit-find-links \
	$(addprefix --no-emit-package ,rfc3987-syntax lark) \
	--custom-compile-command "make lock (install with pip's --no-deps)"

clean:  ## remove _build (but a course with a class in it) and the environments
	@[ ! -d _build ] || find _build -mindepth 1 -maxdepth 1 \
		$(if $(CLASS),! -name course) -exec rm -rf {} +
	@$(if $(CLASS),echo "_build/course stays: a class's submissions or marks are in it.")
	rm -rf .venv .venv-colab .venv-sphinx .testmondata* .pytest_cache

# As in book/tools/course/generate.py.
CLASS = $(wildcard $(addprefix _build/course/,nbgrader/submitted/* \
	nbgrader/gradebook.db nbgrader/results/*))

environment:
	$(has_python)
	@$(PYTHON) book/tools/environment.py

colab-environment:
	@$(PYTHON) book/tools/environment.py colab
