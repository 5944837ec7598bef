"""The process in which a student's code runs. No judge imports it; bubblewrap shows it
this folder, ``wire`` and nothing else of the grader."""
