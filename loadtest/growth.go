package loadtest

import (
	"math"
	"time"
)

// Series is something that was measured again and again, and whether it grew.
type Series struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`    // "bytes", or empty for a count
	At     []float64 `json:"seconds"` // from the start
	Values []float64 `json:"values"`
	// Growth is told of what came after the warm-up; nil when that was too little.
	Growth *Growth `json:"growth,omitempty"`
}

// Growth is the line of least squares through a series.
type Growth struct {
	Mean float64 `json:"mean"`
	// Slope is an hour's growth; with 95 % confidence it lies from Low to High.
	Slope float64 `json:"slope_per_hour"`
	Low   float64 `json:"slope_low"`
	High  float64 `json:"slope_high"`
	// Bound is what an hour's growth may be all the same.
	Bound   float64 `json:"bound_per_hour"`
	Verdict Verdict `json:"verdict"`
}

// Verdict is what a slope says.
type Verdict string

// Verdicts.
const (
	// Steadily: it does not grow by more than the bound, with 95 % confidence.
	Steadily Verdict = "steady"
	// Unclear: it is not shown to grow, but neither that it grows by less than the bound.
	Unclear Verdict = "no growth shown"
	// Slowly: it grows, but the most likely slope lies within the bound.
	Slowly Verdict = "grows within the bound"
	// Grows: by more than the bound.
	Grows Verdict = "GROWS"
)

// fewestPoints are needed for a line with an interval.
const fewestPoints = 8

// judge fits a line through what was measured at warm or later. share of the mean
// is what an hour's growth may be.
func (s *Series) judge(warm time.Duration, share float64) {
	var at, values []float64
	for i, t := range s.At {
		if t >= warm.Seconds() {
			at, values = append(at, t/3600), append(values, s.Values[i])
		}
	}
	if len(at) < fewestPoints {
		return
	}
	l := fit(at, values)
	g := &Growth{Mean: l.mean, Slope: l.slope, Low: l.slope - l.margin, High: l.slope + l.margin, Bound: share * l.mean}
	switch {
	case g.High <= g.Bound:
		g.Verdict = Steadily
	case g.Low <= 0:
		g.Verdict = Unclear
	case g.Slope <= g.Bound:
		g.Verdict = Slowly
	default:
		g.Verdict = Grows
	}
	s.Growth = g
}

// line is a line of least squares: its slope lies within margin with 95 % confidence.
type line struct{ mean, slope, margin float64 }

// fit returns the line through points at x. What is measured again and again stays
// for a while where it was, above the line or below it, so that the points tell less
// than as many that know nothing of each other. They count for as many as their
// correlation leaves.
func fit(x, y []float64) line {
	n := float64(len(x))
	var sumX, sumY float64
	for i := range x {
		sumX, sumY = sumX+x[i], sumY+y[i]
	}
	meanX, meanY := sumX/n, sumY/n
	var xx, xy float64
	for i := range x {
		xx += (x[i] - meanX) * (x[i] - meanX)
		xy += (x[i] - meanX) * (y[i] - meanY)
	}
	if xx == 0 {
		return line{mean: meanY}
	}
	l := line{mean: meanY, slope: xy / xx}
	rest := make([]float64, len(x))
	var squares float64
	for i := range x {
		rest[i] = y[i] - meanY - l.slope*(x[i]-meanX)
		squares += rest[i] * rest[i]
	}
	independent := n / inflation(rest)
	freedom := max(independent-2, 1)
	l.margin = quantile(freedom) * math.Sqrt(squares/n*independent/freedom/(xx*independent/n))
	return l
}

// inflation is how many points count for one, from their correlation with the next:
// an autoregressive process of the first order is assumed.
func inflation(rest []float64) float64 {
	var own, next float64
	for i, r := range rest {
		own += r * r
		if i > 0 {
			next += r * rest[i-1]
		}
	}
	if own == 0 {
		return 1
	}
	const most = 0.98
	r := min(max(next/own, 0), most)
	return min((1+r)/(1-r), float64(len(rest))/3)
}

// quantile returns the 97.5 % quantile of Student's distribution, by an expansion
// around the normal one that is good to a fortieth from 3 degrees of freedom on.
func quantile(freedom float64) float64 {
	const z = 1.959964
	v := max(freedom, 3)
	z3 := z * z * z
	z5, z7 := z3*z*z, z3*z*z*z*z
	return z + (z3+z)/(4*v) + (5*z5+16*z3+3*z)/(96*v*v) + (3*z7+19*z5+17*z3-15*z)/(384*v*v*v)
}
