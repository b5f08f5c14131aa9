# leadpool: a PostgreSQL extension built with PGXS.
#
#   make            build          make install    install
#   make demo       see it work    make test       every test
#   make matrix     test on other major versions of PostgreSQL
#   make sanitize   test with undefined behaviour made fatal
#   make test-kill  kill worker, server and provider 50 times in a long run
#   make chaos      tests by chance, over and over with new seeds
#
# "make demo", "make test" and "make matrix" install what a bare Debian machine
# lacks; the other targets only use what is there.

EXTENSION = leadpool
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" leadpool.control)

MODULE_big = leadpool
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/util/*.c \
	src/store/*.c src/core/*.c src/providers/*.c src/worker/*.c)))

# libphonenumber pulls C++, protobuf and ICU into a process, and libcurl thirty
# libraries: modules of their own, loaded where they are needed.
PHONE_OBJS = src/phone/module.o src/phone/shim.o
PHONE_MODULE = leadpool_phone$(DLSUFFIX)
HTTP_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/http/*.c)))
HTTP_MODULE = leadpool_http$(DLSUFFIX)
MORE_MODULES = $(PHONE_MODULE) $(HTTP_MODULE)

PG_CPPFLAGS = -I$(srcdir)/src -DLP_VERSION='"$(EXTVERSION)"' $(shell curl-config --cflags 2> /dev/null)
PG_CFLAGS = -std=gnu99 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -fvisibility=hidden
SHLIB_LINK = -lidn2 -lpsl

# The order is the script: types before tables, functions before grants.
SQL_PARTS = 00_header 10_types 20_tables_leads 21_tables_captures \
	22_tables_ownership 23_tables_bans 24_tables_rules \
	25_tables_merges 26_tables_facts 27_tables_money 28_tables_jobs 28_tables_worker 29_dump 29_storage \
	30_functions_capture 31_functions_bans 32_functions_ownership \
	33_functions_jit 34_functions_events 35_functions_values 36_functions_merge 37_functions_facts \
	38_functions_erasure 39_functions_ownership_time 40_functions_enrichment 41_functions_worker \
	70_data_quiet_hours 71_data_zones 72_data_score 80_views 81_views_proofs 82_views_worker 90_acl
DATA_built = leadpool--$(EXTVERSION).sql

EXTRA_CLEAN = $(PHONE_OBJS) $(HTTP_OBJS) $(MORE_MODULES)

# "make installcheck" for a server that runs and has leadpool installed; "make
# test" needs none and runs more.
REGRESS = $(patsubst $(srcdir)/sql/%.sql,%,$(sort $(wildcard $(srcdir)/sql/*.sql)))
REGRESS_OPTS = --load-extension=leadpool --encoding=UTF8 --no-locale
ISOLATION = $(patsubst $(srcdir)/test/specs/%.spec,%,$(sort $(wildcard $(srcdir)/test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(srcdir)/test --load-extension=leadpool --encoding=UTF8 --no-locale

# Bitcode for a library that waits for SPI would only slow the build.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2> /dev/null))
ifneq ($(PGXS),)
include $(PGXS)
else ifeq ($(filter demo test test-kill matrix chaos sanitize setup doc,$(MAKECMDGOALS)),)
$(error no build files of PostgreSQL: install postgresql-server-dev, or set PG_CONFIG)
endif

all: $(MORE_MODULES)

leadpool--$(EXTVERSION).sql: $(SQL_PARTS:%=src/sql/%.sql)
	cat $^ > $@

$(OBJS) $(HTTP_OBJS): $(wildcard src/*.h src/*/*.h) leadpool.control

src/phone/module.o $(HTTP_OBJS): CFLAGS += -fvisibility=hidden
$(PHONE_MODULE): $(PHONE_OBJS)
	$(CXX) -shared -o $@ $(PHONE_OBJS) $(LDFLAGS) -lphonenumber -lstdc++
$(HTTP_MODULE): $(HTTP_OBJS)
	$(CC) -shared -o $@ $(HTTP_OBJS) $(LDFLAGS) $(or $(shell curl-config --libs 2> /dev/null),-lcurl)

install: install-more
install-more: $(MORE_MODULES) installdirs
	$(INSTALL_SHLIB) $(MORE_MODULES) '$(DESTDIR)$(pkglibdir)/'
uninstall: uninstall-more
uninstall-more:
	rm -f $(MORE_MODULES:%='$(DESTDIR)$(pkglibdir)/%')

.PHONY: demo test test-kill matrix chaos sanitize setup format doc install-more uninstall-more
setup:
	@test/lib/packages.sh
demo:
	@test/run.sh demo
test:
	@test/run.sh test
test-kill:
	@LEADPOOL_KILLS=$${LEADPOOL_KILLS:-50} LEADPOOL_LEADS=$${LEADPOOL_LEADS:-2000} test/run.sh test tap worker_kill
matrix:
	@test/matrix.sh
# Until one fails, or ROUNDS are over.
ROUNDS = 20
CHAOS = crash explain fuzz merge_identity merge_since stress worker_kill
chaos:
	@for round in $$(seq $(ROUNDS)); do \
		LEADPOOL_SEED=random test/run.sh test tap $(CHAOS) || exit 1; \
	done
# In a copy, so that nothing built here is instrumented.  PostgreSQL is compiled
# with -fwrapv; our own sums shall not wrap.
SANITIZE = -fsanitize=undefined -fno-sanitize-recover=undefined \
	-static-libubsan -fno-wrapv
sanitize:
	@copy=$$(mktemp -d /var/tmp/leadpool.XXXXXX) && trap 'rm -rf "$$copy"' EXIT && \
	chmod 755 "$$copy" && tar --exclude=./.git --exclude=./tmp --exclude='*.o' \
		--exclude='*.so' -cf - . | tar -C "$$copy" --no-same-owner -xf - && \
	export COPT='$(SANITIZE)' LEADPOOL_FUZZ_SECONDS=$${LEADPOOL_FUZZ_SECONDS:-30} && \
	"$$copy/test/run.sh" test regress && "$$copy/test/run.sh" test tap fuzz
format:
	@test/lib/format.sh
doc:
	@test/run.sh doc
	cp tmp/log/reference.md tmp/log/architecture.md doc/

src/phone/shim.o: src/phone/shim.cc $(wildcard src/phone/*.h)
	$(CXX) $(PG_CXXFLAGS) $(CXXFLAGS) -fPIC -c -o $@ $<
