/*
 * score.h
 *	  The base score: how promising a lead is, 0 to 100, explained.
 */
#ifndef LP_SCORE_H
#define LP_SCORE_H

#include "nodes/pg_list.h"

typedef struct LpScorePart
{
	const char *part;
	int			points;
	char	   *why;
} LpScorePart;

/* What of a lead the score rests on; NULL or negative = unknown. */
typedef struct LpScoreFacts
{
	const char *seniority;
	const char *email_status;
	int64		employees;		/* -1 = unknown */
	bool		has_phone;
	bool		has_linkedin;
	bool		has_title;
	bool		has_company;
	bool		show_intent;
	bool		likely_to_engage;
	const char *intent_strength;
} LpScoreFacts;

/*
 * The score under the weights of lead_score_weights (read once a call of the
 * caller's; needs SPI).  With parts, appends LpScorePart * to the list.
 */
extern int	lp_score_compute(const LpScoreFacts *facts, List **parts);

#endif							/* LP_SCORE_H */
