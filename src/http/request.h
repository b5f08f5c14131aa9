/*
 * request.h
 *	  What may be sent, and how.
 *
 * For the files of this directory only.
 */
#ifndef LP_HTTP_REQUEST_H
#define LP_HTTP_REQUEST_H

#include <curl/curl.h>

#include "http/http.h"
#include "http/buffer.h"

/* Why a request must not be sent, or null.  Sets *loopback. */
extern const char *lp_http_request_refusal(const LpHttpRequest *request,
										   bool allow_loopback_http,
										   bool *loopback);

/* Returns the list of headers; null: no memory. */
extern struct curl_slist *lp_http_request_copy(LpHttpBuffer *buffer,
											   const LpHttpRequest *request,
											   char **url, char **method,
											   char **body);

#endif							/* LP_HTTP_REQUEST_H */
