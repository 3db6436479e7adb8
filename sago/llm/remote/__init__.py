"""What all providers outside this process share: prompts packed and asked for, answers read, calls accounted for.

A provider adds its protocol (`Service`): how a question is sent, and what responses and errors mean.
"""
