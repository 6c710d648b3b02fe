// SPDX-License-Identifier: Apache-2.0
#include "base/worker.hpp"

#include <csignal>
#include <pthread.h>

namespace dsmil {

Worker::Worker(const std::string &name) {
    // A thread inherits the mask: nothing may interrupt a TPM command (EINTR spoils an ESYS context).
    sigset_t all{};
    sigset_t before{};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::jthread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), name.c_str());
}

Worker::~Worker() {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
}

bool Worker::submit(unsigned urgency, Task task) {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || tasks_.size() >= queue_limit) {
        return false;
    }
    tasks_.emplace(std::pair(urgency, arrivals_++), std::move(task));
    wake_.notify_one();
    return true;
}

bool Worker::stop(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    return done_.wait_for(lock, patience, [this] { return finished_; });
}

std::size_t Worker::waiting() const {
    const std::scoped_lock lock(mutex_);
    return tasks_.size();
}

void Worker::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty()) {
            break;
        }
        Task task = std::move(tasks_.extract(tasks_.begin()).mapped());
        lock.unlock();
        task();
        task = nullptr; // What it holds goes away outside the lock.
        lock.lock();
    }
    finished_ = true;
    done_.notify_all();
}

} // namespace dsmil
