#include "postgres.h"
#include "core/merge.h"
void
lp_unmerge_replay(const LpMergeScope *scope)
{
	elog(ERROR, "later");
}
