function mpc = small
% a comment ; with [ signs
mpc.version = '2';
mpc.baseMVA = 50/5;
mpc.bus = [ % kVA
  10 3 0 0 0 0 1 1 0 sqrt(121) 1 1 1;
  20 1 100 60 0 0 1 1 0 11 1 1.1 0.9;
  30, 1, 200, 0, 0.5, 0.25, 1, 1, 0, 11, 1, 1.05, 0.95
  40 1 -50 0 0 0 1 1 0 0.4 1 1.1 0.9 ];
mpc.gen = [
  10 0 0 10 -10 1.02 100 1 10 0;
  30 0.1 -0.05 Inf -Inf 1 100 1 10 0;
  20 5 5 Inf -Inf 1 100 0 10 0;
];
mpc.branch = [
  10 20 1.21 2.42 0.001 5 0 0 0 0 1 -360 360;
  20 30 0.5 ...
     0.25 0 0 0 0 0 0 1 -360 360;
  30 40 0.1 0.2 0 0 0 0 0.975 0 1 -360 360;
  10 40 0.1 0.2 0 0 0 0 0 0 0 -360 360;
];
mpc.gencost = [ 2 0 0 3 0 20 0 ];
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, ...
    QD, GS, BS, AREA, VM, VA, BASE_KV] = idx_bus;
[F_BUS, T_BUS, BR_R, BR_X] = idx_brch;
V = mpc.bus(1, BASE_KV) * 1e3;  S = mpc.baseMVA * 1e6;
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (V^2 / S);
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
pf = 0.8;
mpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf));
mpc.bus(:, PD) = mpc.bus(:, PD) * pf;
end
