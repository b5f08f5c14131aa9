/*
 * redact.c
 *	  Taking a person out of JSON text.
 *
 * The archive is text as it came, so it is read by tokens, not as a tree: an
 * escape, an odd spelling of a number or a hole where an element was cut out
 * must neither hide a mention nor be changed itself.  What is found is
 * replaced whole, string by string: a part of an address is still one.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/redact.h"
#include "util/jsontoken.h"
#include "util/text.h"

/*
 * Tokens of a JSON text.
 */
typedef struct Box				/* an object or list */
{
	int			parent;			/* -1: the root */
	bool		is_object;
	bool		company;		/* what is in it is about a company */
	bool		about;			/* an object about the person */
	bool		holds;			/* ... or with one inside */
} Box;

typedef struct Token
{
	int			start;
	int			end;
	int			box;			/* -1 outside of everything */
	bool		is_string;
	bool		is_key;
	char	   *folded;			/* what it says */
	const char *key;			/* of the member that it is a value of, or
								 * NULL */
	LpSighting	sight;
} Token;

typedef struct Reading
{
	const LpNeedles *needles;
	const char *text;
	bool		own_root;
	Box		   *boxes;
	int			n_boxes;
	int			box_room;
	Token	   *tokens;
	int			n_tokens;
	int			token_room;
} Reading;

static bool
is_of_company(const char *key)
{
	return key != NULL && (strstr(key, "organization") != NULL ||
						   strstr(key, "account") != NULL || strstr(key, "company") != NULL);
}

static int
open_box(Reading *r, int parent, bool is_object, const char *key)
{
	Box		   *box;

	if (r->n_boxes == r->box_room)
	{
		r->box_room = Max(64, r->box_room * 2);
		r->boxes = r->boxes == NULL ? palloc(sizeof(Box) * r->box_room) :
			repalloc_huge(r->boxes, sizeof(Box) * r->box_room);
	}
	box = &r->boxes[r->n_boxes];
	memset(box, 0, sizeof(*box));
	box->parent = parent;
	box->is_object = is_object;
	box->company = is_of_company(key);
	return r->n_boxes++;
}

static Token *
add_token(Reading *r, int start, int end, int box)
{
	Token	   *token;

	if (r->n_tokens == r->token_room)
	{
		r->token_room = Max(256, r->token_room * 2);
		r->tokens = r->tokens == NULL ? palloc(sizeof(Token) * r->token_room) :
			repalloc_huge(r->tokens, sizeof(Token) * r->token_room);
	}
	token = &r->tokens[r->n_tokens++];
	memset(token, 0, sizeof(*token));
	token->start = start;
	token->end = end;
	token->box = box;
	return token;
}

/* Whether the object's own root names are another human's. */
static bool
is_own_root(const Reading *r, int box)
{
	return box < 0 || (r->own_root && r->boxes[box].parent < 0);
}

static void
weigh(Reading *r, Token *token, const char *said)
{
	token->folded = lp_text_trim(lp_text_fold(said));
	token->sight = lp_needles_look(r->needles, token->folded);
	if (token->sight == LP_SIGHT_WHOLE && !token->is_key && token->box >= 0 &&
		r->boxes[token->box].is_object && !r->boxes[token->box].company)
		r->boxes[token->box].about = true;
}

/* Cuts the text into tokens and weighs strings and long numbers. */
static void
read_tokens(Reading *r)
{
	LpTokens	tokens = {.text = r->text};
	int			box = -1;
	const char *key = NULL;
	List	   *keys = NIL;		/* of the boxes that are open */

	while (lp_tokens_next(&tokens))
	{
		Token	   *token;

		if (tokens.kind == LP_TOKEN_OPEN)
		{
			box = open_box(r, box, tokens.is_object, key);
			keys = lappend(keys, unconstify(char *, key));
			if (tokens.is_object)
				key = NULL;
			continue;
		}
		if (tokens.kind == LP_TOKEN_CLOSE)
		{
			box = box < 0 ? -1 : r->boxes[box].parent;
			if (keys != NIL)
			{
				key = llast(keys);
				keys = list_delete_last(keys);
			}
			continue;
		}
		if (tokens.kind == LP_TOKEN_NUMBER &&
			tokens.end - tokens.start < LP_NEEDLE_MIN_DIGITS)
			continue;
		token = add_token(r, tokens.start, tokens.end, box);
		token->is_string = tokens.kind != LP_TOKEN_NUMBER;
		token->is_key = tokens.kind == LP_TOKEN_KEY;
		token->key = token->is_key ? NULL : key;
		weigh(r, token, tokens.said);
		if (token->is_key)
			key = token->folded;
	}
}

/* Which objects are about the person, seen from the outside in. */
static void
settle_boxes(Reading *r)
{
	for (int i = r->n_boxes - 1; i >= 0; i--)
	{
		Box		   *box = &r->boxes[i];

		if (is_own_root(r, i))
			box->about = false;
		if ((box->about || box->holds) && box->parent >= 0)
			r->boxes[box->parent].holds = true;
	}
	for (int i = 0; i < r->n_boxes; i++)
		if (r->boxes[i].parent >= 0 && r->boxes[r->boxes[i].parent].about)
			r->boxes[i].about = true;
}

static bool
is_name_key(const char *key)
{
	return key != NULL && strstr(key, "name") != NULL && !is_of_company(key);
}

static bool
must_go(const Reading *r, const Token *token)
{
	bool		named;

	if (token->sight != LP_SIGHT_NONE)
		return true;
	if (token->is_key)
		return token->is_string && lp_needles_show_name(r->needles, token->folded);
	if (token->box >= 0 && r->boxes[token->box].about)
		return true;
	if (!token->is_string)
		return false;
	named = is_name_key(token->key);
	if (named && is_own_root(r, token->box))
		return false;
	return lp_needles_show_name(r->needles, token->folded) ||
		(named && token->box >= 0 && r->boxes[token->box].holds &&
		 lp_needles_is_name_part(r->needles, token->folded));
}

char *
lp_redact_json(const LpNeedles *needles, const char *text, bool own_root, int *cuts,
			   int n_cuts)
{
	Reading		r = {.needles = needles, .text = text, .own_root = own_root};
	StringInfoData out;
	int			done = 0;
	int		   *moved = palloc0(sizeof(int) * Max(n_cuts, 1));
	bool		changed = false;

	read_tokens(&r);
	settle_boxes(&r);
	initStringInfo(&out);
	for (int i = 0; i < r.n_tokens; i++)
	{
		Token	   *token = &r.tokens[i];
		const char *with = token->is_key ? "\"\"" : "null";

		if ((token->is_string && token->end - token->start <= 2) || !must_go(&r, token))
			continue;
		changed = true;
		appendBinaryStringInfo(&out, text + done, token->start - done);
		appendStringInfoString(&out, with);
		done = token->end;
		for (int k = 0; k < n_cuts; k++)
			if (cuts[k] >= token->end)
				moved[k] += (int) strlen(with) - (token->end - token->start);
	}
	if (!changed)
		return NULL;
	appendStringInfoString(&out, text + done);
	for (int k = 0; k < n_cuts; k++)
		cuts[k] += moved[k];
	return out.data;
}
