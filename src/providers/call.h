/*
 * call.h
 *	  Calls to a provider: the request as text, and what an answer means.
 *
 * Pure functions of a provider: no network, no SQL, nothing is thrown for what
 * the provider sent.  Results are allocated in the current memory context.
 */
#ifndef LP_CALL_H
#define LP_CALL_H

#include "utils/jsonb.h"

#include "util/compat.h"

/* A person, as far as known; NULL = not. */
typedef struct LpSubject
{
	char	   *apollo_id;
	char	   *email;
	char	   *linkedin_url;
	char	   *first_name;
	char	   *last_name;
	char	   *domain;
	char	   *company;
} LpSubject;

typedef struct LpRequestText
{
	const char *endpoint;		/* as in lead_provider_calls.endpoint */
	const char *method;
	char	   *path;			/* below the base URL */
	char	   *body;			/* NULL: none */
} LpRequestText;

/* What is asked about people. */
typedef struct LpEnrichOrder
{
	const LpSubject *subjects;
	int			n;
	bool		reveal_phone;
	bool		reveal_personal_emails;
	bool		waterfall;
	const char *webhook_url;	/* needed by reveal_phone and waterfall */
} LpEnrichOrder;

typedef enum LpReplyKind
{
	LP_REPLY_OK,				/* keep the body, then capture it */
	LP_REPLY_LIMITED,			/* not now: hold the provider */
	LP_REPLY_AUTH,				/* the key is wrong: hold the provider */
	LP_REPLY_FORBIDDEN,			/* not with this plan: hold the endpoint */
	LP_REPLY_CREDITS,			/* out of credits: hold the provider */
	LP_REPLY_PENDING,			/* asked too early */
	LP_REPLY_REFUSED,			/* this request is wrong, and will stay so */
	LP_REPLY_SERVER				/* whether it was done, nobody knows */
} LpReplyKind;

typedef struct LpReply
{
	LpReplyKind kind;
	int			wait;			/* seconds asked for; 0: not told */
	int			calls_left;		/* in this minute; -1: not told */
	const char *code;			/* the provider's own word, or NULL */
} LpReply;

/* Finds a header of an answer by name, whatever its case; NULL: absent. */
typedef const char *(*LpHeaderFind) (const void *answer, const char *name);

#define LP_SEARCH_PAGE 100		/* people */
#define LP_SEARCH_PAGES 500		/* that are given out */

/* Apollo. */
extern LpRequestText lp_apollo_enrich(const LpEnrichOrder *order);
extern LpRequestText lp_apollo_enrich_company(const char *domain);
extern LpRequestText lp_apollo_search(const JsonbContainer *parameters);	/* criteria, page */
extern LpRequestText lp_apollo_poll(const char *request_id);
extern LpRequestText lp_apollo_health(void);
extern LpReply lp_apollo_read(int status, const char *body, size_t length,
							  const void *answer, LpHeaderFind header);

/* The most that a call about n people can cost, in credits. */
extern double lp_apollo_worst(const LpEnrichOrder *order);

/*
 * The answer about n people with null in the places of those who are gone; NULL
 * if it does not tell of as many in their order.
 */
extern char *lp_apollo_without(const char *body, const bool *gone, int n);

/* What an answer to it did cost. */
extern double lp_apollo_billed(const JsonbContainer *body);

#endif							/* LP_CALL_H */
