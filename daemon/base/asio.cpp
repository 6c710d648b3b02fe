// SPDX-License-Identifier: Apache-2.0
// Asio's own code, compiled here and nowhere else.
#include <boost/asio/impl/src.hpp>
