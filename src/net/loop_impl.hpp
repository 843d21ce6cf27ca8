#pragma once

#include "net/loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <thread>

namespace aircheck::net {

/// What `Loop` hides; only for net's own .cpp files.
struct Loop::Impl {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::atomic<std::thread::id> thread;
};

}  // namespace aircheck::net
