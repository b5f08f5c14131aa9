/*
 * delay_server.c
 *	  A server that answers at once, after a delay, or now and then very late:
 *	  what the HTTP benchmarks talk to.
 *
 * delay_server [body-file]: prints its port and serves until standard input
 * ends.  GET or POST /0, /100, /mix: the number of milliseconds; /mix is 100
 * with every hundredth answer after 3 s.  One thread, epoll, and a wheel of
 * lists of connections by the millisecond in which they are due.  HTTP/1.1
 * with keep-alive; one request at a time on a connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 4096				/* milliseconds; more than the longest delay */
#define MAX_FD 65536

typedef struct Client
{
	int			fd;
	size_t		used;
	struct Client *next;		/* due in the same millisecond */
	char		data[16384];
} Client;

static Client *clients[MAX_FD];
static Client *wheel[SLOTS];
static int	waiting;
static char *answer;
static size_t answer_length;
static unsigned long requests;

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void
make_answer(const char *file)
{
	static char body[1024 * 1024];
	size_t		length;
	FILE	   *in = file == NULL ? NULL : fopen(file, "r");

	if (file != NULL && in == NULL)
	{
		perror(file);
		exit(1);
	}
	length = in == NULL ? (size_t) sprintf(body, "{\"person\": null}")
		: fread(body, 1, sizeof(body), in);
	answer = malloc(length + 200);
	answer_length = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
							"Content-Length: %zu\r\n\r\n", length);
	memcpy(answer + answer_length, body, length);
	answer_length += length;
}

static void
drop(Client *c)
{
	close(c->fd);
	clients[c->fd] = NULL;
	free(c);
}

/* Loopback's buffers hold an answer. */
static void
reply(Client *c)
{
	if (send(c->fd, answer, answer_length, MSG_NOSIGNAL) != (ssize_t) answer_length)
		shutdown(c->fd, SHUT_RDWR);
}

/* What is complete is answered, or put where its time will come. */
static void
handle(Client *c, long now)
{
	char	   *end;
	char	   *length;
	size_t		whole;
	int			delay;

	c->data[c->used] = '\0';
	if ((end = strstr(c->data, "\r\n\r\n")) == NULL)
		return;
	whole = end + 4 - c->data;
	if (c->data[0] == 'P' && (length = strcasestr(c->data, "\r\nContent-Length:")) != NULL)
		whole += strtoul(length + 17, NULL, 10);
	if (c->used < whole)
		return;
	requests++;
	delay = strstr(c->data, " /mix") != NULL ? (requests % 100 == 0 ? 3000 : 100)
		: strstr(c->data, " /100") != NULL ? 100 : 0;
	c->used = 0;
	if (delay == 0)
	{
		reply(c);
		return;
	}
	c->next = wheel[(now + delay) % SLOTS];
	wheel[(now + delay) % SLOTS] = c;
	waiting++;
}

static void
fire(long from, long to)
{
	for (; from <= to; from++)
	{
		Client	   *c = wheel[from % SLOTS];

		wheel[from % SLOTS] = NULL;
		while (c != NULL)
		{
			Client	   *next = c->next;

			waiting--;
			reply(c);
			c = next;
		}
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	size = sizeof(address);
	struct epoll_event events[512];
	struct epoll_event want = {.events = EPOLLIN};
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int			epoll = epoll_create1(0);
	long		last = now_ms();

	make_answer(argc > 1 ? argv[1] : NULL);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *) &address, size) != 0 ||
		listen(listener, 4096) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &size) != 0)
	{
		perror("listen");
		return 1;
	}
	want.data.fd = listener;
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &want);
	want.data.fd = 0;
	epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &want);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);

	for (;;)
	{
		int			n = epoll_wait(epoll, events, 512, waiting > 0 ? 1 : 1000);
		long		now = now_ms();

		fire(last + 1, now);
		last = now;
		for (int i = 0; i < n; i++)
		{
			int			fd = events[i].data.fd;
			Client	   *c;
			ssize_t		got;
			int			one = 1;

			if (fd == 0)
			{
				char		dummy[64];

				if (read(0, dummy, sizeof(dummy)) <= 0)
					return 0;
				continue;
			}
			if (fd == listener)
			{
				while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				{
					if (fd >= MAX_FD || (clients[fd] = calloc(1, sizeof(Client))) == NULL)
					{
						close(fd);
						continue;
					}
					setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
					clients[fd]->fd = fd;
					want.data.fd = fd;
					epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want);
				}
				continue;
			}
			c = clients[fd];
			got = read(fd, c->data + c->used, sizeof(c->data) - 1 - c->used);
			if (got > 0)
			{
				c->used += got;
				handle(c, now);
			}
			else if (got == 0 || errno != EAGAIN)
			{
				/* It may still stand in the wheel: only then is it kept. */
				for (int slot = 0; slot < SLOTS && waiting > 0; slot++)
				{
					Client	  **at = &wheel[slot];

					while (*at != NULL && *at != c)
						at = &(*at)->next;
					if (*at == c)
					{
						*at = c->next;
						waiting--;
						break;
					}
				}
				drop(c);
			}
		}
	}
}
