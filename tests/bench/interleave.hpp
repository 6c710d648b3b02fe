// SPDX-License-Identifier: Apache-2.0
// Candidates measured side by side: short slices in turn, so that what the
// machine does beside hits all of them, and of each the median. Time is the
// processor's, of this thread: on a busy host that is what the work took, without
// the waiting (what neighbours do to caches and clocks stays in it).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct Candidate {
    std::string name;
    std::function<void()> work; // once: `units` of it
};

// Nanoseconds of one call of each candidate's work, by its place.
[[nodiscard]] std::vector<double> measure(const std::vector<Candidate> &candidates, unsigned slices = 31,
                                          double slice_ns = 3e6);

// Nanoseconds of processor time of this thread.
[[nodiscard]] double thread_ns();

// One line: "name: ours X ns, peer Y ns (which), ratio R, goal >= G, pass". A ratio above the goal is good.
void print_line(std::string_view name, double ours_ns, std::string_view peer, double peer_ns, double goal);

} // namespace bench
