/*
 * sockets.c
 *	  The sockets of the HTTP engine: which may be opened, and which have
 *	  something to tell.
 *
 * libcurl says which sockets it waits for, epoll which of them are ready, and
 * only the calls on these are gone on with: curl_multi_perform() would look at
 * every call in flight each time, which with a thousand of them costs more
 * than the calls.
 *
 * libcurl takes a socket off at the end of each call, and puts it on again at
 * the next one's start.  Kernel calls for that would cost more than they save,
 * so a socket stays in epoll's set between calls.  If it reports something then
 * (as a rule that the other side closed), it is taken off.  Sockets that
 * libcurl opens without telling us (a resolver's pair) may be closed unseen and
 * are taken off at once.
 */
#include "postgres.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/sockets.h"

/* What one look takes of epoll; more wait for the next. */
#define EVENTS 256

/* What epoll reports where others wake the thread. */
#define WAKE UINT64_MAX

static int64
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000000) + now.tv_nsec / 1000;
}

/* What is known of a descriptor; NULL: no memory. */
static LpHttpSocket *
find(LpHttpSockets *sockets, curl_socket_t fd)
{
	if (fd >= sockets->size)
	{
		int			size = Max(fd + 1, Max(64, sockets->size * 2));
		LpHttpSocket *bigger = realloc(sockets->sockets, size * sizeof(LpHttpSocket));

		if (bigger == NULL)
			return NULL;
		memset(bigger + sockets->size, 0, (size - sockets->size) * sizeof(LpHttpSocket));
		sockets->sockets = bigger;
		sockets->size = size;
	}
	return &sockets->sockets[fd];
}

/* Makes epoll report these events of a socket, or nothing more. */
static void
arm(LpHttpSockets *sockets, curl_socket_t fd, uint8 events)
{
	LpHttpSocket *socket = &sockets->sockets[fd];
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64) socket->life << 32 | (uint32) fd
	};
	int			operation = events == 0 ? EPOLL_CTL_DEL :
	socket->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (events == socket->armed)
		return;
	/* a call that is not reported ends by its timeout */
	if (epoll_ctl(sockets->epoll, operation, fd, &event) == 0 || events == 0)
		socket->armed = events;
}

/* ---- callbacks of libcurl: nothing in them may throw ---- */

static bool
is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *in = (const struct sockaddr_in *) address;

		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	LpHttpSockets *sockets = arg;
	LpHttpSocket *known;
	curl_socket_t fd;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
				address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	known = find(sockets, fd);
	if (known == NULL)
	{
		close(fd);
		return CURL_SOCKET_BAD;
	}
	known->life++;
	known->wanted = known->armed = 0;
	known->ours = true;
	sockets->open++;
	return fd;
}

/* What is not encrypted stays on this machine, whatever a name resolves to. */
static curl_socket_t
on_open_loopback(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	return is_loopback(&address->addr) ? on_open(arg, purpose, address) : CURL_SOCKET_BAD;
}

/* Closing it takes it off epoll's set. */
static int
on_close(void *arg, curl_socket_t fd)
{
	LpHttpSockets *sockets = arg;

	sockets->sockets[fd].wanted = sockets->sockets[fd].armed = 0;
	sockets->sockets[fd].ours = false;
	sockets->open--;
	return close(fd);
}

static int
on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	LpHttpSockets *sockets = arg;
	LpHttpSocket *socket = find(sockets, fd);

	if (socket == NULL)
		return 0;
	socket->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		socket->wanted |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		socket->wanted |= EPOLLOUT;
	if (socket->wanted != 0 || !socket->ours)
		arm(sockets, fd, socket->wanted);
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	LpHttpSockets *sockets = arg;

	sockets->due = timeout_ms < 0 ? -1 : now_us() + timeout_ms * INT64CONST(1000);
	return 0;
}

/* ---- what the engine calls ---- */

bool
lp_http_sockets_init(LpHttpSockets *sockets, CURLM *multi, int wake)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET,.data.u64 = WAKE};

	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets);
	sockets->due = -1;
	sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
	return sockets->epoll >= 0 &&
		epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, wake, &event) == 0;
}

void
lp_http_sockets_destroy(LpHttpSockets *sockets)
{
	if (sockets->epoll >= 0)
		close(sockets->epoll);
	free(sockets->sockets);
}

bool
lp_http_sockets_use(LpHttpSockets *sockets, CURL *easy, bool loopback)
{
	return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
							loopback ? on_open_loopback : on_open) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets) == CURLE_OK;
}

/* Until the next timer of libcurl, in ms; -1: there is none. */
static int
time_left(const LpHttpSockets *sockets)
{
	if (sockets->due < 0)
		return -1;
	/* later rather than earlier: too early is in vain */
	return (int) Min((Max(0, sockets->due - now_us()) + 999) / 1000, PG_INT32_MAX);
}

/* One event; a socket may have been closed by what an earlier one led to. */
static void
act_on(LpHttpSockets *sockets, CURLM *multi, const struct epoll_event *event)
{
	curl_socket_t fd = (curl_socket_t) (uint32) event->data.u64;
	LpHttpSocket *socket = &sockets->sockets[fd];
	int			what = 0;
	int			running;

	if (socket->life != event->data.u64 >> 32 || socket->armed == 0)
		return;
	if (socket->wanted == 0)
	{
		arm(sockets, fd, 0);
		return;
	}
	if (event->events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (event->events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	(void) curl_multi_socket_action(multi, fd, what, &running);
}

void
lp_http_sockets_act(LpHttpSockets *sockets, CURLM *multi, bool wait, void (*after_each) (void *), void *arg)
{
	struct epoll_event events[EVENTS];
	int			n = epoll_wait(sockets->epoll, events, EVENTS, wait ? time_left(sockets) : 0);

	for (int i = 0; i < n; i++)
	{
		if (events[i].data.u64 == WAKE)
			continue;
		act_on(sockets, multi, &events[i]);
		after_each(arg);
	}
	if (sockets->due >= 0 && sockets->due <= now_us())
	{
		lp_http_sockets_act_on_time(sockets, multi);
		after_each(arg);
	}
}

void
lp_http_sockets_act_on_time(LpHttpSockets *sockets, CURLM *multi)
{
	int			running;

	sockets->due = -1;
	(void) curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
}
