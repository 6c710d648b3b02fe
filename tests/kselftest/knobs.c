/* SPDX-License-Identifier: Apache-2.0 */
#include "knobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return errno;
	error = write(fd, line, strlen(line)) < 0 ? errno : 0;
	close(fd);
	return error;
}

int turn(const char *knob, const char *line)
{
	char path[128];

	snprintf(path, sizeof(path), KNOBS "%s", knob);
	return write_line(path, line);
}

long injected(const char *knob)
{
	FILE *file = fopen(KNOBS "injected", "r");
	char line[128], name[64];
	long count, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", name, &count) == 2 && !strcmp(name, knob))
			found = count;
	if (file)
		fclose(file);
	return found;
}
