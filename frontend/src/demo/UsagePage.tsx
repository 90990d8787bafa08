import { AIUsageDashboard } from '@/features/usage/components/AIUsageDashboard';

export default function UsagePage() {
  return <AIUsageDashboard />;
}
