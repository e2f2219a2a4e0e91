#include "tests/support/busybox_image.h"

#include <fcntl.h>

#include "base/text.h"
#include "runtime/system/file.h"
#include "tests/support/image_archive.h"
#include "tests/support/tar.h"

namespace support {
namespace {

constexpr std::size_t busybox_size_max = 16 << 20;

constexpr char const* applets[] = {
    "awk",     "basename", "cat",      "chmod", "cp",    "cut",    "date",    "dd",
    "df",      "dirname",  "echo",     "env",   "expr",  "false",  "find",    "free",
    "grep",    "head",     "hostname", "httpd", "id",    "ip",     "kill",    "ln",
    "ls",      "md5sum",   "mkdir",    "mount", "mv",    "nc",     "netstat", "nslookup",
    "od",      "ping",     "printf",   "ps",    "pwd",   "rm",     "sed",     "seq",
    "sh",      "sleep",    "sort",     "stat",  "tail",  "tee",    "test",    "time",
    "timeout", "top",      "touch",    "tr",    "true",  "udhcpc", "umount",  "uname",
    "uniq",    "vi",       "wc",       "wget",  "which", "whoami", "xargs",   "yes"};

}  // namespace

base::Result<void> write_busybox_image(std::string const& path, std::string const& reference,
                                       ImageFormat format) {
    auto const busybox = runtime::read_file("/bin/busybox", busybox_size_max);
    if (!busybox) {
        return base::fail(
            base::concat(busybox.error().message, ": install Debian's package busybox-static"));
    }
    Tar layer;
    for (char const* const name : {"bin", "dev", "etc", "proc", "root", "sys", "var", "var/www"}) {
        layer.directory(name);
    }
    layer.directory("tmp", 01777);
    layer.file("bin/busybox", *busybox, 0755);
    for (char const* const applet : applets) {
        layer.symlink(base::concat("bin/", applet), "busybox");
    }
    layer.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
    layer.file("etc/group", "root:x:0:\nnogroup:x:65534:\nweb:x:800:nobody\n");
    TestImage const image{.reference = reference, .layers = {{layer.finish(), ""}}};
    base::Descriptor const file = TRY(runtime::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return runtime::write_all(
        file.get(), format == ImageFormat::oci ? oci_archive(image) : docker_archive(image));
}

}  // namespace support
