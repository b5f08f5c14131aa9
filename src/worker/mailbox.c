/*
 * mailbox.c
 *	  What lp_provider_check asks a worker, and the answer.
 *
 * A mailbox in shared memory for each worker that runs, for one letter at a
 * time: who finds it full waits until it is free.  Who waits takes the answer
 * out, or the letter back; one that was left behind (its process was killed) is
 * thrown away after a while.  A ticket tells the answer to one letter from that
 * to an earlier one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "util/shmem.h"
#include "util/wake.h"
#include "worker/mailbox.h"

/* A letter whose answer nobody waits for any more. */
#define STALE_MS 8000

/* Beside each state those that follow it. */
typedef enum State
{
	FREE,						/* asked */
	ASKED,						/* taken, free */
	TAKEN,						/* answered, free */
	ANSWERED					/* free */
} State;

typedef struct Mailbox
{
	Oid			database;		/* InvalidOid: no worker */
	State		state;
	uint64		ticket;
	TimestampTz asked_at;
	char		provider[NAMEDATALEN];
	LpProviderAnswer answer;
} Mailbox;

typedef struct Shared
{
	LWLock		lock;
	ConditionVariable changed;	/* a mailbox was opened, answered or emptied */
	uint64		tickets;
	Mailbox		boxes[LP_WORKERS_MAX];
} Shared;

static void made(void);

static Shared *shared = NULL;
static LpShmem piece = {"leadpool_mailbox", sizeof(Shared), (void **) &shared, made};
static Mailbox *own = NULL;		/* this process is its worker */

static void
made(void)
{
	ConditionVariableInit(&shared->changed);
}

/* The mailbox of a database, or NULL; the lock is held. */
static Mailbox *
find(Oid database)
{
	for (int i = 0; i < LP_WORKERS_MAX; i++)
		if (shared->boxes[i].database == database)
			return &shared->boxes[i];
	return NULL;
}

bool
lp_mailbox_has_letter(void)
{
	bool		asked;

	if (own == NULL)
		return false;
	LWLockAcquire(&shared->lock, LW_SHARED);
	asked = own->state == ASKED;
	LWLockRelease(&shared->lock);
	return asked;
}

bool
lp_mailbox_take(char *provider, uint64 *ticket)
{
	bool		taken = false;

	if (own == NULL)
		return false;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	if (own->state == ASKED)
	{
		own->state = TAKEN;
		strlcpy(provider, own->provider, NAMEDATALEN);
		*ticket = own->ticket;
		taken = true;
	}
	LWLockRelease(&shared->lock);
	return taken;
}

void
lp_mailbox_answer(uint64 ticket, bool ok, int status, const char *detail)
{
	bool		answered = false;

	if (own == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	if (own->state == TAKEN && own->ticket == ticket)
	{
		own->state = ANSWERED;
		own->answer.ok = ok;
		own->answer.status = status;
		strlcpy(own->answer.detail, detail == NULL ? "" : detail, LP_DETAIL_BYTES);
		answered = true;
	}
	LWLockRelease(&shared->lock);
	if (answered)
		ConditionVariableBroadcast(&shared->changed);
}

/* Hands the letter in, if there is a mailbox and it is free. */
static bool
hand_in(const char *provider, uint64 *ticket)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		done = false;
	Mailbox    *box;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	box = find(MyDatabaseId);
	if (box != NULL &&
		(box->state == FREE || TimestampDifferenceExceeds(box->asked_at, now, STALE_MS)))
	{
		box->state = ASKED;
		box->ticket = *ticket = ++shared->tickets;
		box->asked_at = now;
		strlcpy(box->provider, provider, NAMEDATALEN);
		done = true;
	}
	LWLockRelease(&shared->lock);
	if (done)
		lp_wake_worker(MyDatabaseId);
	return done;
}

/* Takes the answer out; give_up: or the letter back. */
static bool
fetch(uint64 ticket, bool give_up, LpProviderAnswer *answer)
{
	bool		fetched = false;
	Mailbox    *box;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	box = find(MyDatabaseId);
	if (box != NULL && box->ticket == ticket)
	{
		fetched = box->state == ANSWERED;
		if (fetched)
			*answer = box->answer;
		if (fetched || give_up)
			box->state = FREE;
	}
	LWLockRelease(&shared->lock);
	if (fetched || give_up)
		ConditionVariableBroadcast(&shared->changed);
	return fetched;
}

bool
lp_mailbox_ask(const char *provider, TimestampTz until, LpProviderAnswer *answer)
{
	volatile uint64 asked = 0;
	volatile bool answered = false;

	lp_shmem_attach(&piece);
	PG_TRY();
	{
		uint64		ticket;

		ConditionVariablePrepareToSleep(&shared->changed);
		do
		{
			if (asked == 0 && hand_in(provider, &ticket))
				asked = ticket;
			if (asked != 0 && fetch(asked, false, answer))
				answered = true;
		} while (!answered && lp_shmem_sleep(&shared->changed, until));
	}
	PG_FINALLY();
	{
		ConditionVariableCancelSleep();
		if (asked != 0 && !answered)
			(void) fetch(asked, true, answer);
	}
	PG_END_TRY();
	return answered;
}

static void
close_mailbox(int code, Datum arg)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	memset(own, 0, sizeof(Mailbox));
	LWLockRelease(&shared->lock);
	own = NULL;
	ConditionVariableBroadcast(&shared->changed);
}

/* There is one: a slot (slots.c) is given up later than its mailbox. */
void
lp_mailbox_open(Oid database)
{
	lp_shmem_attach(&piece);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	own = find(InvalidOid);
	if (own != NULL)
		own->database = database;
	LWLockRelease(&shared->lock);
	if (own == NULL)
		elog(ERROR, "no mailbox for another worker");
	on_shmem_exit(close_mailbox, (Datum) 0);
	ConditionVariableBroadcast(&shared->changed);
}

void
lp_mailbox_init(void)
{
	lp_shmem_declare(&piece);
}
