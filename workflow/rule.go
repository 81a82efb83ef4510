package workflow

// Rule is the kind of a fault. Its name stays what it is from one version to the
// next, so that tools can count faults, group them and leave some out.
type Rule string

// The rules.
const (
	RuleSyntax      Rule = "syntax"
	RuleUnknownKey  Rule = "unknown-key"
	RuleUnsupported Rule = "unsupported"
	RuleType        Rule = "type"
	RuleValue       Rule = "value"
	RuleNeeds       Rule = "needs"
	RuleMatrix      Rule = "matrix"
	RuleExpression  Rule = "expression"
	RuleLimit       Rule = "limit"
	RuleFaults      Rule = "faults"
)

// Rules returns all rules there are, always in the same order.
func Rules() []Rule {
	return []Rule{
		RuleSyntax, RuleUnknownKey, RuleUnsupported, RuleType, RuleValue, RuleNeeds, RuleMatrix, RuleExpression,
		RuleLimit, RuleFaults,
	}
}

// About returns what a fault of the rule is, in one sentence, and what to do about
// any such fault. Both are empty for what is no rule.
func (r Rule) About() (what, advice string) {
	switch r {
	case RuleSyntax:
		return "The file is not one document of plain YAML.",
			"Correct the YAML. Tags, keys that are no text and keys that stand twice in a mapping are refused, too."
	case RuleUnknownKey:
		return "A mapping has a key that it cannot have.",
			"Look for a slip of the pen. Nothing that is not understood is ignored; docs/workflow-syntax.md has every key."
	case RuleUnsupported:
		return "The file uses what GitHub Actions has and this version of Yardmaster lacks.",
			"Each such fault says what to do instead; docs/workflow-syntax.md has the reasons."
	case RuleType:
		return "A value is not of the kind that its key wants.",
			"Write a text, a number, true or false, a list or a mapping, as the message says."
	case RuleValue:
		return "A value is of the right kind, but not one that its key can have.",
			"Choose a value as the message says; a name or a part that is missing counts here, too."
	case RuleNeeds:
		return "The needs of the jobs cannot be met.",
			"Name jobs that are in the file, each once, and break circles of jobs that wait for each other."
	case RuleMatrix:
		return "The combinations of a matrix cannot be made.",
			"Give each key a list of different values; include and exclude are lists of mappings with keys of the matrix."
	case RuleExpression:
		return "An expression cannot be read, or cannot be evaluated where it stands.",
			"Correct the expression; docs/workflow-syntax.md says which contexts and functions there are where."
	case RuleLimit:
		return "The file, or the plan that it describes, is larger than is allowed.",
			"Split the workflow, or move long scripts and data into files of the repository."
	case RuleFaults:
		return "The file has more faults than are told at once.",
			"Mend those that are told, and look again."
	}
	return "", ""
}

// ruleUnder returns the rule of faults in the value of a key, when that of the
// mapping around it is outer.
func ruleUnder(key string, outer Rule) Rule {
	switch key {
	case "needs":
		return RuleNeeds
	case "strategy", "matrix":
		return RuleMatrix
	}
	return outer
}
