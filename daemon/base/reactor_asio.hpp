// SPDX-License-Identifier: Apache-2.0
// Asio itself, for the few files that speak it. Not for headers.
#pragma once

#include "base/reactor.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace dsmil {

struct Reactor::Impl {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    boost::asio::signal_set signals{context};
    std::function<void()> termination;
};

} // namespace dsmil
