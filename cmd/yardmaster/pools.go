package main

import (
	"yardmaster/actors"
	"yardmaster/api"
	"yardmaster/observe"
)

// watchIntake shows what submissions take of the server.
func watchIntake(metrics *observe.Node, intake *api.Intake) {
	metrics.WatchPool("submission_bytes", func() observe.PoolUse { return poolUse(intake.Memory()) })
	metrics.WatchPool("decoders", func() observe.PoolUse { return poolUse(intake.Decoders()) })
}

// watchPlans shows what the plans take of runs that have not ended.
func watchPlans(metrics *observe.Node, node *actors.Node) {
	metrics.WatchPool("plan_bytes", func() observe.PoolUse {
		u := node.PlanUse()
		return observe.PoolUse{Size: float64(u.Size), InUse: float64(u.InUse), Refused: float64(u.Refused)}
	})
}

// watchTurns shows how many submissions go on, and how many wait for their turn.
func watchTurns(metrics *observe.Node, use func() actors.TurnUse) {
	metrics.WatchPool("submissions", func() observe.PoolUse {
		u := use()
		return observe.PoolUse{
			Size: float64(u.Size), InUse: float64(u.InUse), Waiting: float64(u.Waiting), Refused: float64(u.Refused),
		}
	})
}

func poolUse(u api.PoolUse) observe.PoolUse {
	return observe.PoolUse{
		Size: float64(u.Size), InUse: float64(u.InUse), Waiting: float64(u.Waiting), Refused: float64(u.Refused),
	}
}
