"""A plan as a document for the people who decide: one content, written as HTML page, Markdown or workbook."""
