// longscope-pdf MEMORY_MB CPU_SECONDS MOST_PAGES: reads a PDF from standard input (a file that can
// be mapped), writes its words and their places, and its outline, to standard output
// (compute/document/pdf_pages.h) and ends with a PdfExit. A process of its own, because the file
// may be made to crash it, fill the memory or never end; longscope starts it and reads what it
// says.
//
// Licence: this executable, and nothing else of Longscope, links poppler, which is under the GPL
// (version 2 or 3); the executable as a whole is therefore under the GPL, too. The rest of the
// program talks to it over a pipe and does not link it.
#include "app/pdf_reader/outline.h"
#include "compute/document/pdf_pages.h"

#include <poppler-document.h>
#include <poppler-page.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <string>

namespace {

using namespace longscope::document;

[[noreturn]] void leave(PdfExit status) {
    _exit(static_cast<int>(status)); // poppler's destructors may be what hangs
}

void limit(__rlimit_resource resource, rlim_t most) {
    rlimit both{most, most};
    setrlimit(resource, &both);
}

/// No more memory, time or files than the work needs, and none of it after the parent has gone.
void limitProcess(rlim_t memory_bytes, rlim_t cpu_seconds) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    std::signal(SIGXFSZ, SIG_IGN);
    limit(RLIMIT_FSIZE, 0); // no file can be written; a pipe can
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, 32);                 // fonts and character maps
    rlimit cpu{cpu_seconds, cpu_seconds + 1}; // first SIGXCPU, which says why
    setrlimit(RLIMIT_CPU, &cpu);
#ifndef __SANITIZE_ADDRESS__ // which reserves terabytes of addresses
    limit(RLIMIT_AS, memory_bytes);
#else
    (void)memory_bytes;
#endif
}

std::string toUtf8(const poppler::ustring &text) {
    poppler::byte_array bytes = text.to_utf8();
    return std::string(bytes.begin(), bytes.end());
}

void writeOut(std::string &bytes) {
    for (size_t done = 0; done < bytes.size();) {
        ssize_t wrote = write(STDOUT_FILENO, bytes.data() + done, bytes.size() - done);
        if (wrote <= 0)
            leave(PdfExit::wrong_use); // nobody listens any more
        done += static_cast<size_t>(wrote);
    }
    bytes.clear();
}

PdfWord readWord(const poppler::text_box &box) {
    PdfWord word;
    poppler::rectf place = box.bbox();
    word.left = static_cast<float>(place.left());
    word.top = static_cast<float>(place.top());
    word.right = static_cast<float>(place.right());
    word.bottom = static_cast<float>(place.bottom());
    word.space_after = box.has_space_after();
    word.upright = box.rotation() == 0;
    if (box.has_font_info()) {
        word.font_size = static_cast<float>(box.get_font_size());
        std::string font = box.get_font_name();
        word.bold = font.find("Bold") != std::string::npos ||
                    font.find("Black") != std::string::npos ||
                    font.find("CMBX") != std::string::npos || font.find("-Bd") != std::string::npos;
    }
    word.text = toUtf8(box.text());
    return word;
}

PdfPage readPage(poppler::document &file, int index) {
    PdfPage out;
    std::unique_ptr<poppler::page> page(file.create_page(index));
    if (!page)
        return out; // a broken page is an empty one, and counted by the parent
    poppler::rectf size = page->page_rect();
    out.width = static_cast<float>(size.width());
    out.height = static_cast<float>(size.height());
    out.label = toUtf8(page->label());
    for (const poppler::text_box &box : page->text_list(poppler::page::text_list_include_font))
        out.words.push_back(readWord(box));
    return out;
}

void read(int most_pages) {
    struct stat facts {};
    if (fstat(STDIN_FILENO, &facts) != 0 || facts.st_size <= 0 ||
        facts.st_size > std::numeric_limits<int>::max())
        leave(PdfExit::wrong_use);
    auto size = static_cast<size_t>(facts.st_size);
    void *bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
    if (bytes == MAP_FAILED)
        leave(PdfExit::out_of_memory);
    std::unique_ptr<poppler::document> file(poppler::document::load_from_raw_data(
        static_cast<const char *>(bytes), static_cast<int>(size)));
    if (!file)
        leave(PdfExit::broken);
    if (file->is_locked())
        leave(PdfExit::locked);
    if (file->pages() > most_pages)
        leave(PdfExit::too_many_pages);
    std::string out;
    appendHead(out, toUtf8(file->get_title()));
    for (int i = 0; i < file->pages(); ++i) {
        appendPage(out, readPage(*file, i));
        writeOut(out);
    }
    PdfOutline outline =
        longscope::pdf_reader::readOutline({static_cast<const char *>(bytes), size});
    if (!outline.entries.empty() || outline.unread)
        appendOutline(out, outline);
    appendEnd(out);
    writeOut(out);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 4)
        leave(PdfExit::wrong_use);
    rlim_t memory_mb = std::strtoul(argv[1], nullptr, 10);
    limitProcess(memory_mb * 1'000'000, std::strtoul(argv[2], nullptr, 10));
    std::set_new_handler([] { leave(PdfExit::out_of_memory); });
    read(std::atoi(argv[3]));
    leave(PdfExit::done);
}
