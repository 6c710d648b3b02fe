// SPDX-License-Identifier: Apache-2.0
// Kills a process at the N-th system call that it makes from now on, as it enters it:
// kill -9 at every point where anything can be seen of it from outside.
//   kill_at N PID
// Prints "ready" when it watches, and at the end the number of the system call.
// Exits 0 when it killed it, 1 when the process ended by itself, 2 for a usage error.
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 64
#define SYSCALL_STOP (SIGTRAP | 0x80)

static struct {
	pid_t tid;
	int is_inside; // a system call
} threads[THREADS_MAX];
static size_t thread_count;

static void die(const char *what)
{
	fprintf(stderr, "kill_at: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int *is_inside(pid_t tid)
{
	for (size_t i = 0; i < thread_count; i++)
		if (threads[i].tid == tid)
			return &threads[i].is_inside;
	if (thread_count == THREADS_MAX)
		die("too many threads");
	threads[thread_count].tid = tid;
	threads[thread_count].is_inside = 0;
	return &threads[thread_count++].is_inside;
}

/* A thread that waits in a system call leaves it first: only what comes then counts. */
static void seize_all(pid_t pid)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;
	const struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		die(path);
	while ((entry = readdir(tasks))) {
		const pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid <= 0)
			continue;
		if (ptrace(PTRACE_SEIZE, tid, NULL, options) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
			die("ptrace");
		*is_inside(tid) = 0;
	}
	closedir(tasks);
}

int main(int argc, char **argv)
{
	long left = argc == 3 ? atol(argv[1]) : 0;
	const pid_t pid = argc == 3 ? (pid_t)atoi(argv[2]) : 0;

	if (left <= 0 || pid <= 0) {
		fprintf(stderr, "usage: kill_at N PID\n");
		return 2;
	}
	seize_all(pid);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int status, deliver = 0;
		const pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0)
			return 1;
		if (!WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == SYSCALL_STOP) {
			int *inside = is_inside(tid);

			*inside = !*inside;
			if (*inside && --left == 0) {
				struct user_regs_struct registers;

				if (!ptrace(PTRACE_GETREGS, tid, NULL, &registers))
					printf("killed at system call %lld\n", (long long)registers.orig_rax);
				kill(pid, SIGKILL);
				while (waitpid(-1, &status, __WALL) > 0)
					;
				return 0;
			}
		} else if (status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP) {
			deliver = WSTOPSIG(status);
		} else {
			(void)is_inside(tid); /* new, or stopped by us */
		}
		ptrace(PTRACE_SYSCALL, tid, NULL, deliver);
	}
}
