#!/usr/bin/env bash
# How the documents here were made, by programs that people use (pandoc 2.17, LibreOffice 7.4, groff
# 1.22, ghostscript 10); the tests read what is committed and need none of these. Run in this folder.
set -eu
pandoc ferry.md -o ferry.docx
pandoc ferry.md -o ferry.odt
pandoc ferry.md -o ferry.epub --toc --epub-chapter-level=1
for format in odt docx pdf; do
    soffice --headless --convert-to "$format" minutes.fodt
done
groff -ms -Tpdf -k paper.ms > paper.pdf
groff -ms -mpdf -Tpdf -k keeper.ms > keeper.pdf # with bookmarks
printf '.LP\nOnly those with the key can read this.\n' | groff -ms -Tpdf |
    gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -sUserPassword=key -sOwnerPassword=owner \
        -dEncryptionR=3 -dKeyLength=128 -sOutputFile=locked.pdf -
