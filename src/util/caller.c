/*
 * caller.c
 *	  Who called: operators, and everyone else.
 *
 * The caller is the user outside all SECURITY DEFINER functions
 * (GetOuterUserId), never current_user.  JWT claims are a setting that anyone
 * can SET: they are believed only in sessions of the logins that
 * leadpool.api_logins names, and only under the role authenticated.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/varlena.h"

#include "util/caller.h"
#include "util/settings.h"

/* Whether the session's login is one of leadpool.api_logins. */
static bool
is_api_login(void)
{
	char	   *names = pstrdup(lp_api_logins);
	char	   *login = GetUserNameFromId(GetSessionUserId(), false);
	List	   *list;
	ListCell   *cell;

	if (!SplitIdentifierString(names, ',', &list))
		return false;
	foreach(cell, list)
	{
		if (strcmp(lfirst(cell), login) == 0)
			return true;
	}
	return false;
}

static const JsonbValue *
object_key(JsonbContainer *object, const char *key, JsonbValue *result)
{
	return getKeyJsonValueFromContainer(object, key, strlen(key), result);
}

static bool
jwt_says_operator(void)
{
	const char *claims = GetConfigOption("request.jwt.claims", true, false);
	volatile bool answer = false;
	MemoryContext context = CurrentMemoryContext;

	if (claims == NULL || *claims == '\0')
		return false;
	PG_TRY();
	{
		Jsonb	   *json;
		JsonbValue	metadata;
		JsonbValue	role;

		json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(claims)));
		if (JB_ROOT_IS_OBJECT(json) &&
			object_key(&json->root, "app_metadata", &metadata) != NULL &&
			metadata.type == jbvBinary &&
			JsonContainerIsObject(metadata.val.binary.data) &&
			object_key(metadata.val.binary.data, "leadpool_role", &role) != NULL &&
			role.type == jbvString)
			answer = role.val.string.len == strlen("operator") &&
				memcmp(role.val.string.val, "operator", role.val.string.len) == 0;
	}
	PG_CATCH();
	{
		/* Claims that are no JSON prove nothing; jsonb_in holds no resources. */
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return answer;
}

static bool
is_operator(void)
{
	Oid			caller = GetOuterUserId();
	Oid			role;

	if (superuser_arg(caller))
		return true;
	role = get_role_oid("leadpool_owner", true);
	if (OidIsValid(role) && is_member_of_role(caller, role))
		return true;
	role = get_role_oid("leadpool_operator", true);
	if (OidIsValid(role) && is_member_of_role(caller, role))
		return true;
	role = get_role_oid("authenticated", true);
	return OidIsValid(role) && caller == role && is_api_login() &&
		jwt_says_operator();
}

void
lp_caller_require_operator(const char *function)
{
	if (!is_operator())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for function %s", function),
				errhint("Only operators may call it: members of leadpool_operator."));
}
