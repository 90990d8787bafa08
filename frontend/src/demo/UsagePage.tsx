import { AIUsageDashboard } from '../components/marketing/AIUsageDashboard';

export default function UsagePage() {
  return <AIUsageDashboard />;
}
