/*
 * probe.c
 *	  The free call of lp_provider_check.
 *
 * It has no row in the ledger: it costs nothing, and whoever asked waits for
 * the answer in shared memory.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "util/jsonparse.h"
#include "util/jsonwalk.h"
#include "worker/mailbox.h"
#include "worker/probe.h"

LpCall *
lp_probe_make(const char *provider, uint64 ticket, MemoryContext parent)
{
	MemoryContext old;
	MemoryContext context;
	LpCall	   *call;

	if (strcmp(provider, lp_provider_name(LP_PROVIDER_APOLLO)) != 0)
		return NULL;
	context = AllocSetContextCreate(parent, "leadpool probe", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	call = palloc0(sizeof(LpCall));
	call->context = context;
	call->provider = LP_PROVIDER_APOLLO;
	call->kind = LP_JOB_PHONE_POLL;
	call->ticket = ticket;
	call->started_at = GetCurrentTimestamp();
	call->text = lp_apollo_health();
	MemoryContextSwitchTo(old);
	return call;
}

static const char *
what_went_wrong(const LpHttpAnswer *answer)
{
	Jsonb	   *json;

	if (answer->outcome != LP_HTTP_ANSWER)
		return answer->error != NULL ? answer->error : "no answer";
	if (answer->status != 200)
		return "the provider refused the call";
	/* a wrong key is answered with 200, too */
	json = lp_json_parse(answer->body, answer->length);
	if (json == NULL || !lp_json_get_true(&json->root, "is_logged_in"))
		return "the provider does not take the key";
	return NULL;
}

void
lp_probe_end(LpCall *call, const LpHttpAnswer *answer)
{
	const char *wrong = what_went_wrong(answer);

	lp_mailbox_answer(call->ticket, wrong == NULL, answer->status,
					  wrong == NULL ? "the provider takes the key" : wrong);
	MemoryContextDelete(call->context);
}
