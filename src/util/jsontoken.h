/*
 * jsontoken.h
 *	  JSON text by tokens, as it stands: nothing is parsed away.
 *
 * A repeated key, an escape, an odd spelling of a number or a hole where
 * something was cut out is seen as it is written.
 */
#ifndef LP_JSONTOKEN_H
#define LP_JSONTOKEN_H

typedef enum LpTokenKind
{
	LP_TOKEN_OPEN,				/* an object or list begins */
	LP_TOKEN_CLOSE,
	LP_TOKEN_KEY,
	LP_TOKEN_STRING,
	LP_TOKEN_NUMBER
} LpTokenKind;

/* Set text and zero the rest; the other members describe the last token. */
typedef struct LpTokens
{
	const char *text;
	LpTokenKind kind;
	int			start;			/* byte offsets in the text */
	int			end;
	bool		is_object;		/* what opens is an object */
	char	   *said;			/* of keys, strings and numbers: without
								 * quotes and escapes */
} LpTokens;

/* Moves to the next token; false at the end. */
extern bool lp_tokens_next(LpTokens *tokens);

#endif							/* LP_JSONTOKEN_H */
