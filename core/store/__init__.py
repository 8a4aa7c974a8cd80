"""Collections on disk that are whole at any moment: one writer, any number of readers, vectors beside an SQLite catalogue.

The voice bank and the document index are such collections. A change appends rows to files of fixed width, then a batch to
the journal, then commits in SQLite: that commit makes it count, and what files hold beyond it is ignored. Whatever
rewrites more (compaction, other embedders, repair) fills a new generation beside the old one and lets the manifest name it.
"""
