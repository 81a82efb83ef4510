package actors

import (
	"context"
	"slices"
	"sync/atomic"

	"yardmaster/domain/problem"
	"yardmaster/domain/scale"
	"yardmaster/messages"
)

// ScalingView shows what was decided last about each class of workers. The scaler
// writes it; others read.
type ScalingView struct {
	classes []scale.Class
	dryRun  bool
	now     atomic.Pointer[decided]
}

// decided is what one round of the scaler came to.
type decided struct {
	verdicts []scale.Verdict
	unknown  map[string]string // by class: why there is none
}

func newScalingView(s Scaling) *ScalingView {
	return &ScalingView{classes: s.Classes, dryRun: s.DryRun}
}

func (v *ScalingView) put(verdicts []scale.Verdict, unknown map[string]string) {
	v.now.Store(&decided{verdicts, unknown})
}

// Classes returns the names of the classes, in the order of the file.
func (v *ScalingView) Classes() []string {
	names := make([]string, len(v.classes))
	for i := range v.classes {
		names[i] = v.classes[i].Name
	}
	return names
}

// Of returns what was decided last about a class, or false when nothing has been
// yet: right after a start it is not known which workers there are.
func (v *ScalingView) Of(class string) (scale.Verdict, bool) {
	now := v.now.Load()
	if now == nil {
		return scale.Verdict{}, false
	}
	i := slices.IndexFunc(now.verdicts, func(d scale.Verdict) bool { return d.Class == class })
	if i < 0 {
		return scale.Verdict{}, false
	}
	return now.verdicts[i], true
}

func (v *ScalingView) whyUnknown(class string) string {
	if now := v.now.Load(); now != nil && now.unknown[class] != "" {
		return now.unknown[class]
	}
	return "it is not known yet which workers there are"
}

// message returns the view as users see it.
func (v *ScalingView) message() *messages.GetScalingResponse {
	m := &messages.GetScalingResponse{DryRun: v.dryRun}
	for i := range v.classes {
		c := &v.classes[i]
		k := &messages.ScalingClass{
			Name: c.Name, Labels: c.Labels, Least: uint32(c.Least), Most: uint32(c.Most),
			Why: []string{v.whyUnknown(c.Name)},
		}
		if d, known := v.Of(c.Name); known {
			k.Connected, k.Booting, k.Leaving = uint32(d.Connected), uint32(d.Booting), uint32(d.Leaving)
			k.Desired, k.Waiting, k.Why = uint32(d.Desired), uint32(d.Waiting), d.Why
			if d.Alert != "" {
				k.Why = append([]string{d.Alert}, d.Why...)
			}
		}
		m.Classes = append(m.Classes, k)
	}
	return m
}

// Scaling says how many workers there should be of each class, and why.
func (b Backend) Scaling(context.Context) (*messages.GetScalingResponse, error) {
	return b.node.scaling.message(), nil
}

// Desired is how many workers there should be of one class. It fails while that is
// not known, so that nobody stops workers that are about to come back.
func (b Backend) Desired(_ context.Context, class string) (int, error) {
	v := b.node.scaling
	if !slices.Contains(v.Classes(), class) {
		return 0, problem.New(problem.NotFound, "there is no class %s of workers", class)
	}
	d, known := v.Of(class)
	if !known {
		return 0, problem.RetryIn(problem.Unavailable, scaleEvery, "class %s: %s", class, v.whyUnknown(class))
	}
	return d.Desired, nil
}
