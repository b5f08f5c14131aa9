/*
 * caller.h
 *	  Who called: operators, and everyone else.
 */
#ifndef LP_CALLER_H
#define LP_CALLER_H

/*
 * Throws 42501 naming the function unless the caller is an operator: a
 * superuser, a member of the owner of the extension's objects or of
 * leadpool_operator, or an API session whose JWT says operator.
 */
extern void lp_caller_require_operator(const char *function);

#endif							/* LP_CALLER_H */
