/*
 * bare.c
 *	  The yardstick: libcurl's multi interface and nothing around it.
 *
 * bare URL calls concurrency [POST-body]: prints answers, failures,
 * milliseconds, microseconds of CPU, as http_bench() of the test module does.
 * Handles and connections are used again, bodies are copied, nothing is
 * checked that libcurl does not check by itself.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct Call
{
	CURL	   *easy;
	char	   *data;
	size_t		used;
	size_t		size;
} Call;

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	Call	   *call = arg;
	size_t		length = size * count;

	if (call->used + length > call->size)
	{
		call->size = 2 * (call->used + length);
		call->data = realloc(call->data, call->size);
	}
	memcpy(call->data + call->used, data, length);
	call->used += length;
	return length;
}

static double
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

int
main(int argc, char **argv)
{
	const char *url = argv[1];
	int			calls = argc > 3 ? atoi(argv[2]) : 0;
	int			concurrency = argc > 3 ? atoi(argv[3]) : 0;
	int			started = 0;
	int			ended = 0;
	int			good = 0;
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct timespec begin;
	struct timespec end;
	double		cpu;
	CURLM	   *multi;

	if (calls < 1 || concurrency < 1)
	{
		fprintf(stderr, "usage: bare URL calls concurrency [POST-body]\n");
		return 2;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) concurrency);
	cpu = cpu_us();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < concurrency && started < calls; i++, started++)
	{
		Call	   *call = calloc(1, sizeof(Call));

		call->easy = curl_easy_init();
		curl_easy_setopt(call->easy, CURLOPT_URL, url);
		curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
		curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
		curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, 30000L);
		if (argc > 4)
		{
			curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, argv[4]);
			curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, headers);
		}
		curl_multi_add_handle(multi, call->easy);
	}
	while (ended < calls)
	{
		int			running;
		int			left;
		CURLMsg    *message;

		curl_multi_poll(multi, NULL, 0, 20, NULL);
		curl_multi_perform(multi, &running);
		while ((message = curl_multi_info_read(multi, &left)) != NULL)
		{
			CURL	   *easy = message->easy_handle;
			long		status = 0;
			Call	   *call;

			curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &call);
			curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
			good += message->data.result == CURLE_OK && status == 200;
			ended++;
			call->used = 0;
			curl_multi_remove_handle(multi, easy);
			if (started < calls)
			{
				started++;
				curl_multi_add_handle(multi, easy);
			}
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%d %d %.0f %.0f\n", good, ended - good,
		   (end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6, cpu_us() - cpu);
	return 0;
}
