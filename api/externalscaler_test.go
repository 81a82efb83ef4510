package api_test

import (
	"context"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
	keda "yardmaster/messages/externalscaler"
	"yardmaster/messages/externalscaler/externalscalerconnect"
)

// kedaClient returns a client that speaks gRPC, as KEDA does.
func kedaClient(t *testing.T, url string, options ...connect.ClientOption) externalscalerconnect.ExternalScalerClient {
	t.Helper()
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &p}
	t.Cleanup(tr.CloseIdleConnections)
	return externalscalerconnect.NewExternalScalerClient(&http.Client{Transport: tr}, url,
		append(options, connect.WithGRPC())...)
}

// trigger is what KEDA sends of a ScaledObject.
func trigger(class string) *keda.ScaledObjectRef {
	return &keda.ScaledObjectRef{
		Name: "workers", Namespace: "ci", ScalerMetadata: map[string]string{"class": class, "scalerAddress": "x:1"},
	}
}

func TestKEDAIsToldHowManyWorkersThereShouldBe(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.SetScaling(&messages.GetScalingResponse{
		Classes: []*messages.ScalingClass{{Name: "small", Desired: 7}, {Name: "big"}},
	})
	c := kedaClient(t, serve(t, b, api.Config{}))
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()

	active, err := c.IsActive(ctx, connect.NewRequest(trigger("small")))
	require.NoError(t, err)
	assert.True(t, active.Msg.GetResult())
	active, err = c.IsActive(ctx, connect.NewRequest(trigger("big")))
	require.NoError(t, err)
	assert.False(t, active.Msg.GetResult())

	spec, err := c.GetMetricSpec(ctx, connect.NewRequest(trigger("small")))
	require.NoError(t, err)
	require.Len(t, spec.Msg.GetMetricSpecs(), 1)
	m := spec.Msg.GetMetricSpecs()[0]
	assert.Equal(t, "yardmaster-desired-small", m.GetMetricName())
	assert.Equal(t, int64(1), m.GetTargetSize())
	assert.InDelta(t, 1, m.GetTargetSizeFloat(), 0)
	for _, name := range []string{"", m.GetMetricName(), "s0-" + m.GetMetricName()} {
		got, err := c.GetMetrics(ctx, connect.NewRequest(&keda.GetMetricsRequest{
			ScaledObjectRef: trigger("small"), MetricName: name,
		}))
		require.NoError(t, err)
		require.Len(t, got.Msg.GetMetricValues(), 1)
		v := got.Msg.GetMetricValues()[0]
		assert.Equal(t, int64(7), v.GetMetricValue())
		assert.InDelta(t, 7, v.GetMetricValueFloat(), 0)
		assert.Contains(t, v.GetMetricName(), m.GetMetricName())
	}
	_, err = c.GetMetrics(ctx, connect.NewRequest(&keda.GetMetricsRequest{
		ScaledObjectRef: trigger("small"), MetricName: "cpu",
	}))
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
}

func TestKEDAHearsWhenAClassBecomesActive(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	set := func(desired uint32) {
		b.SetScaling(&messages.GetScalingResponse{Classes: []*messages.ScalingClass{{Name: "small", Desired: desired}}})
	}
	set(0)
	url, stop := serveUntil(t, b, api.Config{})
	c := kedaClient(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	stream, err := c.StreamIsActive(ctx, connect.NewRequest(trigger("small")))
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive())
	assert.False(t, stream.Msg().GetResult())
	set(3)
	require.True(t, stream.Receive())
	assert.True(t, stream.Msg().GetResult())
	set(0)
	require.True(t, stream.Receive())
	assert.False(t, stream.Msg().GetResult())
	stop()
	require.False(t, stream.Receive(), "the server has stopped")
	assert.Equal(t, connect.CodeUnavailable, connect.CodeOf(stream.Err()))
}

func TestKEDAIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := kedaClient(t, serve(t, b, api.Config{}))
	_, err := c.IsActive(t.Context(), connect.NewRequest(trigger("")))
	assert.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
	_, err = c.GetMetricSpec(t.Context(), connect.NewRequest(trigger("none")))
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
	stream, err := c.StreamIsActive(t.Context(), connect.NewRequest(trigger("none")))
	require.NoError(t, err)
	require.False(t, stream.Receive())
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(stream.Err()))
	require.NoError(t, stream.Close())

	starting := new(apitest.Backend)
	starting.Fail = problem.New(problem.Unavailable, "it is not known yet")
	c = kedaClient(t, serve(t, starting, api.Config{}))
	_, err = c.GetMetrics(t.Context(), connect.NewRequest(&keda.GetMetricsRequest{ScaledObjectRef: trigger("small")}))
	assert.Equal(t, connect.CodeUnavailable, connect.CodeOf(err), "KEDA leaves everything as it is")
	_, err = c.GetMetricSpec(t.Context(), connect.NewRequest(trigger("small")))
	assert.NoError(t, err, "the name is known all the same")
}

func TestKEDANeedsATokenLikeEverybody(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.SetScaling(&messages.GetScalingResponse{Classes: []*messages.ScalingClass{{Name: "small", Desired: 7}}})
	const token = "0123456789abcdef0123"
	tokens, err := api.LoadTokens(tokenFile(t, 0o600, "keda:"+token+"\n"))
	require.NoError(t, err)
	url := serve(t, b, api.Config{Tokens: tokens})
	_, err = kedaClient(t, url).IsActive(t.Context(), connect.NewRequest(trigger("small")))
	assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))
	req := connect.NewRequest(trigger("small"))
	req.Header().Set("Authorization", "Bearer "+token)
	_, err = kedaClient(t, url).IsActive(t.Context(), req)
	assert.NoError(t, err)
}

func TestScalingIsAnswered(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.SetScaling(&messages.GetScalingResponse{
		DryRun: true, Classes: []*messages.ScalingClass{{Name: "small", Desired: 7}},
	})
	m, err := client(t, serve(t, b, api.Config{}), "").Scaling(t.Context())
	require.NoError(t, err)
	assert.True(t, m.GetDryRun())
	assert.Equal(t, uint32(7), m.GetClasses()[0].GetDesired())
	b.Fail = problem.New(problem.Unavailable, "no")
	_, err = client(t, serve(t, b, api.Config{}), "").Scaling(t.Context())
	assert.Error(t, err)
}
