// SPDX-License-Identifier: Apache-2.0
// One thread that does tasks one after the other: the more urgent first, equal
// ones in the order they came. For work that blocks and must not do so on the
// reactor. Signals are not delivered to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace dsmil {

using Task = std::move_only_function<void()>;

class Worker {
  public:
    // Tasks that wait; submit() refuses beyond.
    static constexpr std::size_t queue_limit = 256;

    explicit Worker(const std::string &name); // at most 15 characters, shown by ps -T
    ~Worker();                                // stops and joins
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    // False, and the task is dropped, when too many wait or stop() was called.
    // A smaller number is more urgent.
    [[nodiscard]] bool submit(unsigned urgency, Task task);

    // Takes no more tasks and does those that wait. False if it is not through
    // by then: the thread hangs in a task, and the process should end.
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

    [[nodiscard]] std::size_t waiting() const;

  private:
    void run();

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;
    std::map<std::pair<unsigned, std::uint64_t>, Task> tasks_; // by urgency, then by arrival
    std::uint64_t arrivals_ = 0;
    bool stopping_ = false;
    bool finished_ = false;
    std::jthread thread_; // last: it uses the others
};

} // namespace dsmil
