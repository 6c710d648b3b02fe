// SPDX-License-Identifier: Apache-2.0
// A context as Asio has it, for the .cpp files that speak it. Not for headers.
#pragma once

#include "https/tls.hpp"

#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>

namespace dsmil::https {

[[nodiscard]] inline boost::asio::ssl::context asio_context(const TlsContext &tls) {
    SSL_CTX_up_ref(tls.get());
    return boost::asio::ssl::context(tls.get());
}

} // namespace dsmil::https
