// compute/document/archive: what is read of an archive, and what is refused.
#include "compute/document/archive.h"
#include "compute/document/formats.h"
#include "compute/document/xml.h"
#include "tests/support/packed_files.h"

#include <gtest/gtest.h>

namespace longscope::document {
namespace {

using longscope::testing::documentFile;
using longscope::testing::holds;
using longscope::testing::makeZip;
using longscope::testing::refusalOf;

std::string openRefusal(const std::string &bytes) {
    return refusalOf([&] { Archive(bytes, "x.zip"); });
}

TEST(Archive, ListsAndReads) {
    std::string bytes = makeZip({{"a.txt", "one"}, {"b/c é.txt", "two"}});
    Archive archive(bytes, "x.zip");
    EXPECT_EQ(archive.names(), (std::set<std::string>{"a.txt", "b/c é.txt"}));
    EXPECT_EQ(archive.find("b/c é.txt"), "two");
    EXPECT_EQ(archive.find("b"), std::nullopt);
    EXPECT_EQ(archive.read({"a.txt", "none"}).size(), 1u);
    EXPECT_TRUE(holds(refusalOf([&] { archive.require("none"); }), "no entry none among its 2"));
}

TEST(Archive, RefusesAZipBomb) {
    ArchiveLimits limits{.unpacked_bytes = 3'000'000, .free_bytes = 1'000'000, .ratio = 100};
    auto read = [&](size_t zeros, int entries) {
        testing::Entries all;
        for (int i = 0; i < entries; ++i)
            all.emplace_back(std::to_string(i), std::string(zeros, '0'));
        std::string bytes = makeZip(all);
        return refusalOf([&] {
            Archive archive(bytes, "x.zip", limits);
            for (int i = 0; i < entries; ++i)
                archive.require(std::to_string(i));
        });
    };
    EXPECT_EQ(read(900'000, 1), "accepted");
    EXPECT_TRUE(holds(read(2'000'000, 1), "more than 100 times its size"));
    EXPECT_TRUE(holds(read(600'000, 3), "more than 100 times its size")); // together
    limits.ratio = 1'000'000;
    EXPECT_TRUE(holds(read(4'000'000, 1), "unpacks to more than 3.0 MB"));
}

TEST(Archive, RefusesADocumentThatIsABomb) {
    std::string bytes = makeZip({{"mimetype", "application/vnd.oasis.opendocument.text"},
                                 {"content.xml", std::string(60'000'000, ' ')}});
    ASSERT_LT(bytes.size(), 100'000u);
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(bytes, "x.odt"); }), "times its size"));
}

TEST(Archive, RefusesTooManyEntries) {
    testing::Entries entries;
    for (int i = 0; i < 60; ++i)
        entries.emplace_back(std::to_string(i), "");
    std::string bytes = makeZip(entries);
    EXPECT_TRUE(holds(refusalOf([&] { Archive(bytes, "x.zip", {.entries = 50}); }),
                      "more than 50 entries"));
}

TEST(Archive, RefusesNamesThatClimbOut) {
    for (const char *name : {"../a", "a/../../b", "/etc/passwd", "a\\..\\b", "a/.."})
        EXPECT_TRUE(
            holds(openRefusal(makeZip({{"good", "x"}, {name, "x"}})), "leads out of the archive"))
            << name;
    EXPECT_EQ(openRefusal(makeZip({{"a..b/...", "x"}})), "accepted");
}

TEST(Archive, RefusesEncryptedEntries) {
    std::string bytes = makeZip({{"a", "secret"}}, "key");
    EXPECT_TRUE(holds(refusalOf([&] { Archive(bytes, "x.zip").find("a"); }), "is encrypted"));
}

TEST(Archive, RejectsTruncated) {
    std::string bytes = documentFile("ferry.docx");
    for (size_t size = 0; size < bytes.size(); size += 97) {
        std::string cut = bytes.substr(0, size);
        EXPECT_TRUE(holds(refusalOf([&] { readArchive(cut, "x.docx"); }), "broken archive"))
            << size;
    }
}

TEST(Archive, LeavesNestedArchivesClosed) {
    std::string inner = documentFile("ferry.docx");
    std::string bytes = makeZip({{"inner.docx", inner}});
    EXPECT_EQ(archiveKind(bytes, "x.zip"), ArchiveKind::other);
    EXPECT_TRUE(
        holds(refusalOf([&] { readArchive(bytes, "x.zip"); }), "is a ZIP archive of 1 entries"));
    bytes =
        makeZip({{"mimetype", "application/vnd.oasis.opendocument.text"}, {"content.xml", inner}});
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(bytes, "x.odt"); }), "broken XML"));
}

TEST(Archive, TellsKindsApart) {
    EXPECT_EQ(archiveKind(documentFile("ferry.docx"), "x"), ArchiveKind::docx);
    EXPECT_EQ(archiveKind(documentFile("minutes.docx"), "x"), ArchiveKind::docx);
    EXPECT_EQ(archiveKind(documentFile("ferry.odt"), "x"), ArchiveKind::odt);
    EXPECT_EQ(archiveKind(documentFile("ferry.epub"), "x"), ArchiveKind::epub);
    std::string sheet = makeZip({{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}});
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(sheet, "x.ods"); }), "a spreadsheet (ODS)"));
}

TEST(Archive, ResolvesLinks) {
    EXPECT_EQ(resolveLink("OEBPS/book.opf", "text/ch%201.xhtml#note"), "OEBPS/text/ch 1.xhtml");
    EXPECT_EQ(resolveLink("a/b/c", "../d"), "a/d");
    EXPECT_EQ(resolveLink("a/b", "/d"), "d");
    EXPECT_EQ(resolveLink("a/b", "../../d"), "");
    EXPECT_EQ(resolveLink("", "x%2"), "x%2");
}

std::string textOfXml(std::string xml) {
    pugi::xml_document document;
    parseXml(xml, "x.odt", "content.xml", document);
    return textBelow(document);
}

TEST(Xml, OpensNoEntities) {
    EXPECT_EQ(textOfXml("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"),
              "&x;");
    std::string laughs = "<!DOCTYPE a [<!ENTITY l0 \"ha\">";
    for (int i = 1; i < 10; ++i) {
        laughs += "<!ENTITY l" + std::to_string(i) + " \"";
        for (int k = 0; k < 10; ++k)
            laughs += "&l" + std::to_string(i - 1) + ";";
        laughs += "\">";
    }
    EXPECT_EQ(textOfXml(laughs + "]><a>&l9;</a>"), "&l9;");
}

TEST(Xml, WalksAnyDepth) {
    constexpr size_t kDepth = 1'000'000;
    std::string deep;
    for (size_t i = 0; i < kDepth; ++i)
        deep += "<a>";
    deep += "x";
    for (size_t i = 0; i < kDepth; ++i)
        deep += "</a>";
    EXPECT_EQ(textOfXml(deep), "x");
    EXPECT_TRUE(holds(refusalOf([&] { textOfXml(deep.substr(0, deep.size() / 2)); }),
                      "x.odt: content.xml is broken XML at byte"));
}

TEST(Xml, RefusesMoreMarksThanMemoryShouldHold) {
    std::string many = "<a>";
    for (int i = 0; i < 13'000'000; ++i)
        many += "<b/>";
    EXPECT_TRUE(holds(refusalOf([&] { textOfXml(many + "</a>"); }), "marks of XML"));
}

} // namespace
} // namespace longscope::document
