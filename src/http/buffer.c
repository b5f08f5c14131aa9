/*
 * buffer.c
 *	  Bytes that libcurl's callbacks collect.
 */
#include "postgres.h"

#include "http/buffer.h"

/* A buffer that grew beyond this is not kept for the next call. */
#define KEEP (64 * 1024)

bool
lp_http_buffer_reserve(LpHttpBuffer *buffer, size_t length)
{
	size_t		size = Max(buffer->size, 1024);
	char	   *data;

	if (buffer->size - buffer->used >= length)
		return true;
	while (size - buffer->used < length)
		size *= 2;
	data = realloc(buffer->data, size);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->size = size;
	return true;
}

void
lp_http_buffer_clear(LpHttpBuffer *buffer)
{
	if (buffer->size > KEEP)
	{
		free(buffer->data);
		memset(buffer, 0, sizeof(*buffer));
	}
	buffer->used = 0;
}
