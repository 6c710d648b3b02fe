// SPDX-License-Identifier: Apache-2.0
// Asio's own code for TLS, compiled here and nowhere else.
#include <boost/asio/ssl/impl/src.hpp>
