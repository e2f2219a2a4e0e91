# Third-party libraries, all from Debian 12, linked from their static archives. Each is an
# interface target under thirdparty::, so that a library names what it uses and nothing leaks.
# ARCHITECTURE.md says why each is here and which files may include it.

function(covey_thirdparty name)
    cmake_parse_arguments(arg "" "" "ARCHIVES;SYSTEM;INCLUDES;DEFINES" ${ARGN})
    add_library(thirdparty_${name} INTERFACE)
    add_library(thirdparty::${name} ALIAS thirdparty_${name})
    foreach(archive IN LISTS arg_ARCHIVES)
        find_library(covey_archive_${archive} NAMES lib${archive}.a REQUIRED)
        target_link_libraries(thirdparty_${name} INTERFACE ${covey_archive_${archive}})
    endforeach()
    target_link_libraries(thirdparty_${name} INTERFACE ${arg_SYSTEM})
    target_include_directories(thirdparty_${name} SYSTEM INTERFACE ${arg_INCLUDES})
    target_compile_definitions(thirdparty_${name} INTERFACE ${arg_DEFINES})
endfunction()

# libmsgpack-cxx-dev depends on Debian's Boost 1.74, which conflicts with 1.81; `./dev setup`
# unpacks its headers here instead of installing it.
set(covey_msgpack_dir ${CMAKE_SOURCE_DIR}/build/deps/msgpack/usr/include)
if(NOT EXISTS ${covey_msgpack_dir}/msgpack.hpp)
    message(FATAL_ERROR "msgpack headers not found under build/deps: run ./dev setup")
endif()

covey_thirdparty(sodium ARCHIVES sodium)
covey_thirdparty(msgpack INCLUDES ${covey_msgpack_dir} DEFINES MSGPACK_NO_BOOST)
covey_thirdparty(rocksdb ARCHIVES rocksdb snappy lz4 zstd bz2 z SYSTEM pthread dl)
covey_thirdparty(yaml ARCHIVES yaml)
covey_thirdparty(cares ARCHIVES cares)
covey_thirdparty(archive ARCHIVES archive acl lzma zstd lz4 bz2 z)
covey_thirdparty(json ARCHIVES boost_json)
covey_thirdparty(cli11)
covey_thirdparty(asio SYSTEM pthread
    DEFINES BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
