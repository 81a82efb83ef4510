package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"connectrpc.com/connect"

	"yardmaster/domain/problem"
	keda "yardmaster/messages/externalscaler"
	"yardmaster/messages/externalscaler/externalscalerconnect"
)

const (
	scalerPath = "/" + externalscalerconnect.ExternalScalerName + "/"
	// classKey is under which metadata of a trigger the class of workers stands.
	classKey = "class"
	// metricPrefix begins the name of the metric of a class.
	metricPrefix = "yardmaster-desired-"
	// activeEvery is how often a stream looks whether a class has become active.
	activeEvery = time.Second
	// oneEach is the target of the metric: one worker for each that is desired.
	oneEach = 1
)

// externalScaler answers KEDA: how many workers a class should have. Right after a
// start it answers UNAVAILABLE, on which KEDA leaves everything as it is.
type externalScaler struct {
	backend Backend
	service *service // for its limit of streams
}

// desired returns how many workers the class should have that a trigger names.
func (e *externalScaler) desired(ctx context.Context, ref *keda.ScaledObjectRef) (class string, n int, err error) {
	class = ref.GetScalerMetadata()[classKey]
	if class == "" {
		return "", 0, problem.New(problem.Invalid, "the trigger's metadata names no %s", classKey)
	}
	n, err = e.backend.Desired(ctx, class)
	return class, n, err
}

// IsActive says whether there should be any worker of the class.
func (e *externalScaler) IsActive(
	ctx context.Context, req *connect.Request[keda.ScaledObjectRef],
) (*connect.Response[keda.IsActiveResponse], error) {
	_, n, err := e.desired(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&keda.IsActiveResponse{Result: n > 0}), nil
}

// StreamIsActive says so now, and whenever it changes.
func (e *externalScaler) StreamIsActive(
	ctx context.Context, req *connect.Request[keda.ScaledObjectRef], out *connect.ServerStream[keda.IsActiveResponse],
) error {
	return e.service.stream(ctx, func(ctx context.Context) error {
		tick := time.NewTicker(activeEvery)
		defer tick.Stop()
		for said, active := false, false; ; {
			_, n, err := e.desired(ctx, req.Msg)
			if err != nil {
				return err
			}
			if !said || active != (n > 0) {
				said, active = true, n > 0
				if err := out.Send(&keda.IsActiveResponse{Result: active}); err != nil {
					return err
				}
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
		}
	})
}

// GetMetricSpec names the metric of the class: its desired number, one for each.
func (e *externalScaler) GetMetricSpec(
	ctx context.Context, req *connect.Request[keda.ScaledObjectRef],
) (*connect.Response[keda.GetMetricSpecResponse], error) {
	class := req.Msg.GetScalerMetadata()[classKey]
	if _, _, err := e.desired(ctx, req.Msg); err != nil && !isUnavailable(err) {
		return nil, err
	}
	return connect.NewResponse(&keda.GetMetricSpecResponse{MetricSpecs: []*keda.MetricSpec{
		{MetricName: metricPrefix + class, TargetSize: oneEach, TargetSizeFloat: oneEach},
	}}), nil
}

func isUnavailable(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p) && p.Kind == problem.Unavailable
}

// GetMetrics gives the desired number. The class counts, not the name of the
// metric, to which KEDA adds a prefix of its own.
func (e *externalScaler) GetMetrics(
	ctx context.Context, req *connect.Request[keda.GetMetricsRequest],
) (*connect.Response[keda.GetMetricsResponse], error) {
	class, n, err := e.desired(ctx, req.Msg.GetScaledObjectRef())
	if err != nil {
		return nil, err
	}
	name := req.Msg.GetMetricName()
	if name == "" {
		name = metricPrefix + class
	}
	if !strings.HasSuffix(name, metricPrefix+class) {
		return nil, problem.New(problem.NotFound, "class %s has no metric of that name", class)
	}
	return connect.NewResponse(&keda.GetMetricsResponse{MetricValues: []*keda.MetricValue{
		{MetricName: name, MetricValue: int64(n), MetricValueFloat: float64(n)},
	}}), nil
}
