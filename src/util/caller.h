/*
 * caller.h
 *	  Who called: operators, and everyone else.
 */
#ifndef LP_CALLER_H
#define LP_CALLER_H

/*
 * True for a superuser, a member of the owner of the extension's objects or of
 * leadpool_operator, and for an API session whose JWT says operator.
 */
extern bool lp_caller_is_operator(void);

/* Throws 42501 naming the function unless the caller is an operator. */
extern void lp_caller_require_operator(const char *function);

#endif							/* LP_CALLER_H */
