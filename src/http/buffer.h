/*
 * buffer.h
 *	  Bytes that libcurl's callbacks collect: a block from malloc() that only
 *	  grows, since nothing in a callback may throw.
 */
#ifndef LP_HTTP_BUFFER_H
#define LP_HTTP_BUFFER_H

typedef struct LpHttpBuffer
{
	char	   *data;
	size_t		used;
	size_t		size;
} LpHttpBuffer;

/* Room for length more bytes.  On failure nothing has changed. */
extern bool lp_http_buffer_reserve(LpHttpBuffer *buffer, size_t length);

/* Empties it; what grew beyond the usual is given back. */
extern void lp_http_buffer_clear(LpHttpBuffer *buffer);

/* The room is there. */
static inline void
lp_http_buffer_append(LpHttpBuffer *buffer, const char *data, size_t length)
{
	memcpy(buffer->data + buffer->used, data, length);
	buffer->used += length;
}

#endif							/* LP_HTTP_BUFFER_H */
