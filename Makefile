# The front door: every target makes the virtualenv it needs. `make help` lists them.
PYTHON ?= python3
# .venv, unless another Python is asked for than .venv was made with: that gets a folder of its own.
ifeq ($(origin PYTHON),file)
VENV ?= .venv
else
ASKED := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(ASKED),)
$(error PYTHON=$(PYTHON) cannot be run; name a Python 3.11, 3.12 or 3.13 that is installed)
endif
MADE := $(shell sed -n 's/^version *= *\([0-9]*\.[0-9]*\).*/\1/p' .venv/pyvenv.cfg 2>/dev/null)
VENV ?= .venv$(if $(filter-out $(ASKED),$(MADE)),-$(ASKED))
endif
BIN = $(VENV)/bin
WORK ?= .demo
# backtest, prove, money: the demo market unless DATADIR says otherwise.
PAIRS ?= BTC/USDT ETH/USDT
DEMO_DAYS = 200
DEMO_END = 2025-01-01
DEMO_SEED ?= 2
ifdef DATADIR
CANDLES = $(DATADIR)
TIMERANGE ?= 20220701-20220901
else
SPACE := $(subst ,, )
CANDLES = $(WORK)/market-$(DEMO_SEED)-$(subst $(SPACE),-,$(subst /,,$(PAIRS)))
TIMERANGE ?= 20241101-20241231
endif
CONFIG ?= config.json
API_PORT ?= 8080
BALANCE ?= USDT=1000
USERDIR ?= $(WORK)/user_data
export PYTHONWARNINGS ?= ignore
# Compiled modules are kept, or every freqtrade command would compile its packages anew for seconds.
unexport PYTHONDONTWRITEBYTECODE
# Candles that a replay takes of the range.
COUNT ?= 2000

.PHONY: help venv backtest dry-run ui live-sim prove money trials replay faults bench test lint versions lock \
    docs pages pictures clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

venv: $(BIN)/regimeswitch  ## the virtualenv .venv with the project in it

# The NCCL wheels are half a gigabyte of GPU code that xgboost asks for and does not need here.
$(BIN)/regimeswitch: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	    "$(PYTHON) is Python " + sys.version.split()[0] + "; name one of 3.11 to 3.13: make PYTHON=...")'
	@echo "virtualenv $(VENV): $$(grep -c '^[a-z].*==' requirements.lock) packages of requirements.lock, a minute or two"
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --no-compile --no-deps \
	    --require-hashes --progress-bar off --requirement requirements.lock > $(VENV)/install.log 2>&1 \
	    || { tail -20 $(VENV)/install.log; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --no-build-isolation --editable .
	@touch $@

ifndef DATADIR
$(CANDLES)/.made: | $(BIN)/regimeswitch
	@echo "synthetic market: seed $(DEMO_SEED), $(DEMO_DAYS) days of $(PAIRS)"
	@mkdir -p $(WORK)
	@$(BIN)/regimeswitch market --out $(CANDLES) --pairs $(PAIRS) \
	    --days $(DEMO_DAYS) --end $(DEMO_END) --seed $(DEMO_SEED) > $(WORK)/market.txt
	@touch $@

backtest dry-run live-sim prove money replay: $(CANDLES)/.made
endif
EXPORTED = $(if $(EXPORT),--export $(EXPORT))
backtest: $(BIN)/regimeswitch  ## backtest and its report; DATADIR= PAIRS= TIMERANGE= use other candles
	@mkdir -p $(USERDIR)
	@echo "freqtrade backtesting of $(PAIRS), $(TIMERANGE), candles of $(CANDLES)"
	@$(BIN)/regimeswitch offline --datadir $(CANDLES) --log $(WORK)/backtest.log -- \
	    freqtrade backtesting \
	    --config $(CONFIG) --userdir $(USERDIR) --datadir $(CANDLES) \
	    --strategy-path user_data/strategies --freqaimodel-path user_data/freqaimodels \
	    --pairs $(PAIRS) --timerange $(TIMERANGE) --cache none
	@$(BIN)/regimeswitch report $(USERDIR)/backtest_results --datadir $(CANDLES) --brief \
	    --out $(WORK)/report.html
	@echo "next: make ui (charts), make money (against rivals and chance), make dry-run (paper trading), make backtest DATADIR=..."

dry-run: $(BIN)/regimeswitch  ## paper trading on the embedded exchange, with API; DATADIR= API_PORT=
	@$(BIN)/regimeswitch dry-run --datadir $(CANDLES) --config $(CONFIG) --api-port $(API_PORT)

ui: $(BIN)/regimeswitch  ## FreqUI on the last backtest, on 127.0.0.1; DATADIR= API_PORT=
	@$(BIN)/regimeswitch ui --datadir $(CANDLES) --config $(CONFIG) --userdir $(USERDIR) \
	    --api-port $(API_PORT)

live-sim: $(BIN)/regimeswitch  ## live trading with an account of the embedded exchange; DATADIR= BALANCE=
	@mkdir -p $(WORK)/live/user_data
	$(BIN)/regimeswitch offline --live --balance $(BALANCE) --state $(WORK)/live/account.sqlite \
	    --shift-to-now --datadir $(CANDLES) -- freqtrade trade --config $(CONFIG) \
	    --userdir $(WORK)/live/user_data \
	    --strategy-path user_data/strategies --freqaimodel-path user_data/freqaimodels

prove: $(BIN)/regimeswitch  ## does switching help? walk-forward; DATADIR= PAIRS= TIMERANGE= EXPORT=
	$(BIN)/regimeswitch prove --config $(CONFIG) --datadir $(CANDLES) --pairs $(PAIRS) \
	    --timerange $(TIMERANGE) --work $(WORK)/prove $(EXPORTED)

money: $(BIN)/regimeswitch  ## positions against rivals and chance; DATADIR= PAIRS= TIMERANGE= TIMEFRAME= CHART= CONFIRM= MODELS= EXPORT=
	$(BIN)/regimeswitch money --config $(CONFIG) --datadir $(CANDLES) --pairs $(PAIRS) \
	    --timerange $(TIMERANGE) $(if $(TIMEFRAME),--timeframe $(TIMEFRAME)) \
	    $(if $(CONFIRM),--confirm) $(if $(MODELS),--with-models --step-days 30) \
	    $(if $(CHART),--chart $(CHART)) --work $(WORK)/money $(EXPORTED)

trials: $(BIN)/regimeswitch  ## what has been tried so far: the ledger of money and prove
	$(BIN)/regimeswitch trials --ledger $(WORK)/trials.jsonl

replay: $(BIN)/regimeswitch  ## the bot against a backtest, candle by candle; COUNT= DATADIR= PAIRS= TIMERANGE= EXPORT=
	$(BIN)/regimeswitch replay --config $(CONFIG) --datadir $(CANDLES) --pairs $(PAIRS) \
	    --timerange $(TIMERANGE) --count $(COUNT) --restarts 2 --more-trades \
	    --work $(WORK)/replay $(EXPORTED)

faults: $(BIN)/regimeswitch  ## a real bot against an exchange that fails: cases, then seeds; EXPORT=
	$(BIN)/regimeswitch faults $(EXPORTED)
	$(BIN)/regimeswitch faults --simulate 200 \
	    $(if $(EXPORT),--export $(basename $(EXPORT))-simulation.json)

# Runs that are over are kept in .bench: a benchmark that was stopped goes on where it was.
bench: $(BIN)/regimeswitch  ## CPU and memory against stock FreqAI; PARTS=training,live QUICK=1 JOBS=1 EXPORT= PAGE=1
	$(BIN)/python -m benchmarks $(if $(PARTS),--parts $(PARTS)) $(if $(QUICK),--size quick) \
	    $(if $(JOBS),--jobs $(JOBS)) $(EXPORTED) $(if $(PAGE),--page docs/scale.md)

SITE ?= .site
docs: $(BIN)/regimeswitch  ## the documentation as a site, without a network: SITE=.site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir $(abspath $(SITE))
	@echo "open $(SITE)/index.html"

pages: $(BIN)/regimeswitch  ## write again what is generated: settings, schema, commands, answers, columns, the diagram
	$(BIN)/regimeswitch schema --markdown > docs/configuration.md
	$(BIN)/regimeswitch schema > user_data/regimeswitch/config.schema.json
	$(BIN)/python website/commands.py docs/commands.md
	$(BIN)/python -m regimeswitch.bot.connection.response_page docs/faults.md
	$(BIN)/python -m regimeswitch.bot.output_columns docs/columns.md
	$(BIN)/python website/diagram.py docs/architecture.md docs/pictures/architecture.svg

# A backtest of the rule alone on the demo market: it trades as with models, which cost minutes.
PICTURES ?= docs/pictures
pictures: $(BIN)/regimeswitch  ## draw docs/pictures again, from the demo market
	@$(MAKE) --no-print-directory backtest DATADIR= WORK=$(WORK)/pictures \
	    CONFIG=website/rule-alone.json
	@mkdir -p $(PICTURES)
	@$(BIN)/regimeswitch regimes --pair BTC/USDT --out $(PICTURES)/regimes.png \
	    --datadir $(WORK)/pictures/market-$(DEMO_SEED)-BTCUSDT-ETHUSDT
	@$(BIN)/python website/pictures.py $(WORK)/pictures/report.html $(PICTURES)

lint: $(BIN)/regimeswitch  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

versions: $(BIN)/regimeswitch  ## the Python and the packages that are used
	@$(BIN)/python -c 'import platform; from importlib.metadata import version; \
	    print("Python", platform.python_version() + ",", ", ".join(name + " " + version(name) \
	    for name in ("freqtrade", "ccxt", "numpy", "pandas")))'

# Types are checked beside the tests, many of which wait for a bot or a clock.
test: versions  ## the whole test suite, lint and types; PYTHON=python3.13 with another Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(BIN)/mypy & types=$$!; \
	    $(BIN)/python -m pytest -n 2 --dist worksteal; tests=$$?; \
	    wait $$types && exit $$tests

lock:  ## write requirements.lock again from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra dev --extra docs --extra cluster --generate-hashes \
	    --universal --no-annotate --no-header --no-emit-package nvidia-nccl-cu12 --no-emit-package nvidia-nccl-cu13 \
	    --python-version 3.11 --output-file requirements.lock

clean:  ## remove the virtualenv and the demo
	rm -rf $(VENV) .venv-* $(WORK) .prove .money .bench $(SITE)
