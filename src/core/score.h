/*
 * score.h
 *	  The base score: how promising a lead is, 0 to 100, explained.
 */
#ifndef LP_SCORE_H
#define LP_SCORE_H

#include "nodes/pg_list.h"

#include "store/leads.h"

typedef struct LpScorePart
{
	const char *part;
	int			points;
	char	   *why;
} LpScorePart;

/*
 * The score of a row under the weights of lead_score_weights (read once a
 * command; needs SPI).  With parts, appends LpScorePart * to the list.
 */
extern int	lp_score_row(const LpPool *pool, const LpPoolRow *row, List **parts);

#endif							/* LP_SCORE_H */
